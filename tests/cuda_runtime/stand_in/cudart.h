#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <string>

/// NVIDIA's run time as far as cuda/runtime uses it, in host memory, in place of the real one. Streams do their work
/// when it is waited for and not before, so that bytes which are overwritten too early are seen.
namespace camber::stand_in {

/// The machine, to be described before the first call.
struct Machine {
    int driver = 13000, devices = 1;
    std::string name = "a described GPU";
    int compute_major = 9, compute_minor = 0;
    std::size_t memory = std::size_t{1} << 30;
    std::size_t pinned = std::size_t{1} << 30;  ///< that can be page-locked
    cudaError_t device_count = cudaSuccess;     ///< what cudaGetDeviceCount returns
    cudaError_t load_kernel = cudaSuccess;      ///< what cudaFuncGetAttributes returns
    std::size_t kernel_shared_bytes = 0;        ///< of a kernel's own arrays
    int queries_before_ready = 0;               ///< of a stream, that find it at work
};
Machine& machine();

/// As kernel<<<>>>() on the stream that was made first, taking `milliseconds`. Neither `work` nor the error that it
/// returns shows before the stream is waited for.
void launch(std::function<cudaError_t()> work, double milliseconds = 0);
/// As a launch that is refused.
void refuse_launch(cudaError_t why);

/// Whether the device has these bytes, in one allocation.
bool allocated(const void* memory, std::size_t bytes);

struct Counts {
    std::size_t allocations = 0, frees = 0;  ///< of device memory
    std::size_t in_use = 0;                  ///< its bytes
    std::size_t waits = 0;                   ///< of the host for the device
    int shared_bytes = 0;                    ///< last asked for, of a kernel's dynamic shared memory
    std::size_t events = 0, timing_events = 0, uploads = 0;
    int device = 0;  ///< that was last chosen
};
const Counts& counts();

}  // namespace camber::stand_in
