#include "cuda/kernels/gpu_backend.h"

namespace camber::CAMBER_GPU {

void GpuBackend::argmax(const Tensor&, const Tensor&) { fail("argmax is not written yet"); }
void GpuBackend::confusion_matrix(const Tensor&, const Tensor&, const Tensor&, int) {
    fail("confusion_matrix is not written yet");
}

}  // namespace camber::CAMBER_GPU
