#include "cuda/kernels/gpu_backend.h"

namespace camber::CAMBER_GPU {

void GpuBackend::batch_norm_train(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                  const Tensor&, const Tensor&, const Tensor&, const BatchNormParams&) {
    fail("batch_norm_train is not written yet");
}
void GpuBackend::batch_norm_inference(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                      const Tensor&, const BatchNormParams&) {
    fail("batch_norm_inference is not written yet");
}
void GpuBackend::batch_norm_backward(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                     const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                     const BatchNormParams&) {
    fail("batch_norm_backward is not written yet");
}
void GpuBackend::batch_norm_inference_backward(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                               const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                               const Tensor&, const BatchNormParams&) {
    fail("batch_norm_inference_backward is not written yet");
}

}  // namespace camber::CAMBER_GPU
