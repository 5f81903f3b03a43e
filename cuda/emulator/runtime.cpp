#include "cuda/runtime/runtime.h"

#include <camber/error.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "cuda/emulator/arena.h"
#include "cuda/emulator/core.h"
#include "cuda/emulator/dry_run.h"
#include "cuda/runtime/arrivals.h"

namespace camber::emulator {
namespace {
using Steps = std::vector<std::function<void()>>;
thread_local Steps* recording = nullptr;
thread_local DryRun* dry_run = nullptr;
}  // namespace

DryRun::DryRun() {
    if (dry_run) fail("a dry run is going on already");
    emulated::arrival_counters();  // made now and zeroed: they outlive the dry run
    dry_run = this;
    Arena::get().set_unlimited(true);
}
DryRun::~DryRun() {
    dry_run = nullptr;
    Arena::get().set_unlimited(false);
}

bool counted_only(const char* name) {
    if (dry_run) dry_run->count(name);
    return dry_run != nullptr;
}

void submit(std::function<void()> work) {
    if (dry_run) return;
    if (recording) {
        recording->push_back(std::move(work));
    } else {
        work();
    }
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

    std::string fault;
    std::atomic<bool> faulted = false;
#pragma omp parallel for schedule(dynamic) if (blocks > 1)
    for (std::int64_t i = 0; i < blocks; ++i) {
        if (faulted) continue;
        const uint3 block = {static_cast<unsigned>(i % shape.grid.x),
                             static_cast<unsigned>(i / shape.grid.x % shape.grid.y),
                             static_cast<unsigned>(i / shape.grid.x / shape.grid.y)};
        const std::string wrong = Core::get().run_block(kernel, block);
        if (!wrong.empty() && !faulted.exchange(true)) {
            fault = wrong;
        }
    }
    if (faulted) throw Error(fault);
}

}  // namespace camber::emulator

namespace camber::emulated {

using emulator::Arena;

const std::string& why_unavailable() {
    static const std::string why =
        Arena::get().capacity() > 0 ? "" : "the emulated device could not reserve its range of addresses";
    return why;
}

const DeviceProperties& device_properties() {
    if (!why_unavailable().empty()) throw Error(why_unavailable());
    // Few multiprocessors, so that grids sized by them are small and loops over what is left are exercised.
    static const DeviceProperties properties = {"emulated device",
                                                9,
                                                0,
                                                2,
                                                2048,
                                                Arena::get().capacity(),
                                                std::size_t{1} << 20,
                                                emulator::SharedMemory::capacity};
    return properties;
}

std::string describe_runtime() {
#if defined(__SANITIZE_ADDRESS__)
    return "the CUDA kernels on the host, under AddressSanitizer";
#else
    return "the CUDA kernels on the host, every memory access checked";
#endif
}

void* take_device_memory(std::size_t bytes) { return Arena::get().take(bytes); }
void give_device_memory(void* memory, std::size_t bytes) noexcept { Arena::get().give(memory, bytes); }
MemoryInfo device_memory_info() {
    const Arena& arena = Arena::get();
    return {arena.capacity() - arena.in_use(), arena.capacity()};
}

void* take_pinned_memory(std::size_t bytes) {
    return std::aligned_alloc(64, (std::max<std::size_t>(bytes, 1) + 63) / 64 * 64);
}
void give_pinned_memory(void* memory) noexcept { std::free(memory); }

namespace {
void check_range(const char* call, const void* p, std::size_t bytes) {
    const Arena& arena = Arena::get();
    if (arena.accessible(p, bytes)) return;
    fail("{}: {} bytes of device memory, {}", call, bytes,
         arena.contains(p) ? arena.describe(p) : fmt::format("at {}, where there is none", p));
}
}  // namespace

void copy_to_device(void* device, const void* host, std::size_t bytes, StreamKind stream) {
    if (stream == StreamKind::compute) refuse_while_recording("copy_to_device");
    if (bytes == 0 || emulator::dry_run) return;
    check_range("copy_to_device", device, bytes);
    std::memcpy(device, host, bytes);
}
void copy_to_host(void* host, const void* device, std::size_t bytes) {
    refuse_while_recording("copy_to_host");
    if (bytes == 0) return;
    if (emulator::dry_run) {
        std::memset(host, 0, bytes);
        return;
    }
    check_range("copy_to_host", device, bytes);
    std::memcpy(host, device, bytes);
}
void copy_on_device(void* to, const void* from, std::size_t bytes) {
    if (emulator::counted_only("copy")) return;
    emulator::submit([=] {
        if (bytes == 0) return;
        check_range("copy_on_device", from, bytes);
        check_range("copy_on_device", to, bytes);
        std::memmove(to, from, bytes);
    });
}
void set_bytes(void* device, int value, std::size_t bytes) {
    if (emulator::counted_only("memset")) return;
    emulator::submit([=] {
        if (bytes == 0) return;
        check_range("set_bytes", device, bytes);
        std::memset(device, value, bytes);
    });
}
void synchronize() { refuse_while_recording("synchronize"); }

struct Graph::State {
    emulator::Steps steps;
};

Graph::Graph(const std::function<void()>& work) : state_(std::make_unique<State>()) {
    refuse_while_recording("Graph");
    emulator::recording = &state_->steps;
    try {
        work();
    } catch (...) {
        emulator::recording = nullptr;
        throw;
    }
    emulator::recording = nullptr;
}

Graph::~Graph() = default;

bool recording() { return emulator::recording != nullptr; }

void Graph::replay() {
    refuse_while_recording("Graph::replay");
    for (const std::function<void()>& step : state_->steps) step();
}

// Everything runs at once and in order, so an event is the time at which it was recorded.
namespace {
using Clock = std::chrono::steady_clock;
}
Event::Event(EventUse) : event_(new Clock::time_point) {}
Event::~Event() { delete static_cast<Clock::time_point*>(event_); }
void Event::record(StreamKind stream) {
    if (stream == StreamKind::compute) refuse_while_recording("Event::record");
    *static_cast<Clock::time_point*>(event_) = Clock::now();
}
void Event::hold(StreamKind stream) const {
    if (stream == StreamKind::compute) refuse_while_recording("Event::hold");
}
void Event::wait() const { refuse_while_recording("Event::wait"); }
float Event::milliseconds_since(const Event& earlier) const {
    return std::chrono::duration<float, std::milli>(*static_cast<Clock::time_point*>(event_) -
                                                    *static_cast<Clock::time_point*>(earlier.event_))
        .count();
}

// Every launch is run and checked at once.
void check_launch(const char*) {}
std::string last_launch() { return {}; }

ProfilerRange::ProfilerRange(const char*) {}
ProfilerRange::~ProfilerRange() = default;

}  // namespace camber::emulated
