#include "cuda/kernels/gpu_backend.h"

namespace camber::CAMBER_GPU {

void GpuBackend::conv2d(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Conv2dParams&) {
    fail("conv2d is not written yet");
}
void GpuBackend::conv2d_backward_data(const Tensor&, const Tensor&, const Tensor&, const Conv2dParams&) {
    fail("conv2d_backward_data is not written yet");
}
void GpuBackend::conv2d_backward_filter(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                        const Conv2dParams&) {
    fail("conv2d_backward_filter is not written yet");
}
void GpuBackend::conv_transpose2d(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                  const ConvTranspose2dParams&) {
    fail("conv_transpose2d is not written yet");
}
void GpuBackend::conv_transpose2d_backward_data(const Tensor&, const Tensor&, const Tensor&,
                                                const ConvTranspose2dParams&) {
    fail("conv_transpose2d_backward_data is not written yet");
}
void GpuBackend::conv_transpose2d_backward_filter(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                                  const ConvTranspose2dParams&) {
    fail("conv_transpose2d_backward_filter is not written yet");
}

}  // namespace camber::CAMBER_GPU
