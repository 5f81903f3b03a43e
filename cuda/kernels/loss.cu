#include "cuda/kernels/gpu_backend.h"

namespace camber::CAMBER_GPU {

void GpuBackend::segmentation_loss(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                   const Tensor&, const SegmentationLossParams&) {
    fail("segmentation_loss is not written yet");
}
void GpuBackend::segmentation_loss_backward(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                            const Tensor&, const Tensor&, const SegmentationLossParams&) {
    fail("segmentation_loss_backward is not written yet");
}

}  // namespace camber::CAMBER_GPU
