#include "cuda/kernels/gpu_backend.h"

namespace camber::CAMBER_GPU {

void GpuBackend::pad2d(const Tensor&, const Tensor&, int, int) { fail("pad2d is not written yet"); }
void GpuBackend::copy_channels(const Tensor&, std::int64_t, const Tensor&, std::int64_t, std::int64_t) {
    fail("copy_channels is not written yet");
}

}  // namespace camber::CAMBER_GPU
