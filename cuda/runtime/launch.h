#pragma once
#include <cstddef>
#include <utility>

#include "cuda/runtime/gpu.h"
#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {

struct LaunchShape {
    dim3 grid, block;
    std::size_t shared_bytes = 0;  ///< of dynamic shared memory
};

/// Queues `kernel` on the compute stream. `name` stands in errors, profiles and the emulator's reports. Throws Error
/// when the launch is refused; faults inside a kernel are reported by the next call that waits (at once, emulated).
template <class... Parameters, class... Args>
void launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape, Args&&... args) {
#if defined(CAMBER_EMULATED)
    emulator::queue_kernel(name, {shape.grid, shape.block, shape.shared_bytes}, kernel, std::forward<Args>(args)...);
#else
    check_before_launch(name);
    const ProfilerRange range(name);
    if (shape.shared_bytes > 0) allow_shared_memory(name, reinterpret_cast<const void*>(kernel), shape.shared_bytes);
    kernel<<<shape.grid, shape.block, shape.shared_bytes, compute_stream()>>>(
        static_cast<Parameters>(std::forward<Args>(args))...);
    check_launch(name);
#endif
}

/// Blocks of `kernel` that the whole device holds at once, as its registers and shared memory allow: the grid of a loop
/// over memory.
template <class... Parameters>
std::int64_t resident_blocks(void (*kernel)(Parameters...), int threads, std::size_t shared_bytes = 0) {
    const DeviceProperties& device = device_properties();
#if defined(CAMBER_EMULATED)
    static_cast<void>(kernel), static_cast<void>(shared_bytes);
    return std::int64_t{device.multiprocessors} * (device.threads_per_multiprocessor / threads);
#else
    return std::int64_t{device.multiprocessors} *
           blocks_per_multiprocessor(reinterpret_cast<const void*>(kernel), threads, shared_bytes);
#endif
}

/// Blocks that cover `count` items at `per_block` each, at most `limit` (a grid-stride loop takes the rest).
inline unsigned blocks_for(std::int64_t count, std::int64_t per_block, std::int64_t limit = 0x7fffffff) {
    const std::int64_t blocks = (count + per_block - 1) / per_block;
    return static_cast<unsigned>(blocks < 1 ? 1 : blocks < limit ? blocks : limit);
}

}  // namespace camber::CAMBER_GPU
