#include "cuda/kernels/gpu_backend.h"

namespace camber::CAMBER_GPU {

void GpuBackend::max_pool2d(const Tensor&, const Tensor&, const Pool2dParams&) {
    fail("max_pool2d is not written yet");
}
void GpuBackend::max_pool2d_backward(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Pool2dParams&) {
    fail("max_pool2d_backward is not written yet");
}
void GpuBackend::avg_pool2d(const Tensor&, const Tensor&, const Pool2dParams&) {
    fail("avg_pool2d is not written yet");
}
void GpuBackend::avg_pool2d_backward(const Tensor&, const Tensor&, const Pool2dParams&) {
    fail("avg_pool2d_backward is not written yet");
}

}  // namespace camber::CAMBER_GPU
