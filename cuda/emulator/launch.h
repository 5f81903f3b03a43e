#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <tuple>
#include <utility>

#include "cuda/emulator/vector_types.h"

/// The seam between a kernel compiled as C++ and the emulator that runs it.
namespace camber::emulator {

struct Shape {
    dim3 grid, block;
    std::size_t shared_bytes = 0;
};

/// What a kernel's thread sees of itself.
struct ThreadIndices {
    uint3 thread_idx, block_idx;
    dim3 block_dim, grid_dim;
};

/// The running thread. `const`: it never changes within one call of a kernel.
__attribute__((const)) const ThreadIndices& self();

/// A kernel bound to its arguments: `run(arguments)` is called once for every thread, and threads may read the
/// arguments.
struct BoundKernel {
    const char* name;
    Shape shape;
    void (*run)(const void* arguments);
    std::shared_ptr<const void> arguments;
    std::size_t argument_bytes = 0;
    const void* code = nullptr;  ///< of the kernel, which names it
};

/// Does `work` now, or adds it to the graph that this OS thread is recording.
void submit(std::function<void()> work);

/// Runs every block of the kernel to its end. Throws Error with the first fault, naming kernel, block and thread.
void run(const BoundKernel& kernel);

template <class... Parameters>
struct KernelCall {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> arguments;

    static void run(const void* call) {
        const auto* self = static_cast<const KernelCall*>(call);
        std::apply(self->kernel, self->arguments);
    }
};

/// Whether work is counted instead of done, see queue.h; `name` is of a kernel that would be launched.
bool counted_only(const char* name);

template <class... Parameters, class... Args>
void queue_kernel(const char* name, const Shape& shape, void (*kernel)(Parameters...), Args&&... args) {
    if (counted_only(name)) return;
    using Call = KernelCall<Parameters...>;
    const auto call = std::make_shared<const Call>(
        Call{kernel, std::tuple<Parameters...>(static_cast<Parameters>(std::forward<Args>(args))...)});
    submit([bound = BoundKernel{name, shape, &Call::run, call, sizeof(Call), reinterpret_cast<const void*>(kernel)}] {
        run(bound);
    });
}

/// The block's shared array declared at `id`, which is placed on the first call in a block.
void* shared_memory(const void* id, const char* name, std::size_t bytes, std::size_t alignment);
void* dynamic_shared_memory();
/// Where in the block's shared memory that is, in bytes.
unsigned shared_address(const void* p);

}  // namespace camber::emulator
