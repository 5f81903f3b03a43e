#include "cuda/kernels/gpu_backend.h"

namespace camber::CAMBER_GPU {

void GpuBackend::resize(const Tensor&, const Tensor&, ResizeMode) { fail("resize is not written yet"); }
void GpuBackend::resize_backward(const Tensor&, const Tensor&, ResizeMode) {
    fail("resize_backward is not written yet");
}

}  // namespace camber::CAMBER_GPU
