#include "cuda/emulator/queue.h"

#include <camber/error.h>

#include <atomic>
#include <optional>
#include <utility>

#include "cuda/emulator/access_counter.h"
#include "cuda/emulator/core.h"

namespace camber::emulator {

Queue& queue() {
    thread_local Queue own;
    return own;
}

bool counted_only(const char* name) {
    queue().last = name;
    auto* const counts = queue().counts;
    if (counts) ++(*counts)[name];
    return counts != nullptr;
}

void submit(std::function<void()> work) {
    if (queue().counts) return;
    queue().beside_waits = false;
    if (queue().recording) {
        queue().recording->push_back(std::move(work));
    } else {
        work();
    }
}

void submit_beside() {
    for (std::function<void()>& work : std::exchange(queue().beside, {})) submit(std::move(work));
}

/// Blocks are independent of each other, so they are shared out among the machine's cores.
void run(const BoundKernel& kernel) {
    const Shape& shape = kernel.shape;
    const unsigned threads = shape.block.x * shape.block.y * shape.block.z;
    const std::int64_t blocks = std::int64_t{shape.grid.x} * shape.grid.y * shape.grid.z;
    if (threads == 0 || threads > 1024 || shape.block.z > 64)
        fail("kernel '{}': a block of {} threads; 1 to 1024 are possible", kernel.name, threads);
    if (blocks == 0 || shape.grid.y > 65535 || shape.grid.z > 65535)
        fail("kernel '{}': a grid of {}x{}x{} blocks is not possible", kernel.name, shape.grid.x, shape.grid.y,
             shape.grid.z);
    if (shape.shared_bytes > SharedMemory::capacity)
        fail("kernel '{}': {} bytes of shared memory; a block has {}", kernel.name, shape.shared_bytes,
             SharedMemory::capacity);

    std::optional<LaunchCounter> counter;
    if (queue().launches) counter.emplace(kernel);
    std::string fault;
    std::atomic<bool> faulted = false;
#pragma omp parallel for schedule(dynamic) if (blocks > 1)
    for (std::int64_t i = 0; i < blocks; ++i) {
        if (faulted) continue;
        const uint3 block = {static_cast<unsigned>(i % shape.grid.x),
                             static_cast<unsigned>(i / shape.grid.x % shape.grid.y),
                             static_cast<unsigned>(i / shape.grid.x / shape.grid.y)};
        const std::string wrong = Core::get().run_block(kernel, block, counter ? &*counter : nullptr);
        if (!wrong.empty() && !faulted.exchange(true)) {
            fault = wrong;
        }
    }
    if (faulted) throw Error(fault);
    if (counter) queue().launches->push_back(counter->finish());
}

}  // namespace camber::emulator
