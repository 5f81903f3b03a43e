#include "cuda/backend/chosen_convolutions.h"
#include "cuda/kernels/gpu_backend.h"

namespace camber::CAMBER_GPU {

void GpuBackend::conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) {
    convolve(conv2d_call(x, w, bias, y, p));
}
void GpuBackend::conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx,
                                      const Conv2dParams& p) {
    convolve(conv2d_backward_data_call(dy, w, bias, dx, p));
}
void GpuBackend::conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                        const Conv2dParams& p) {
    convolve(conv2d_backward_filter_call(x, dy, dw, p));
    if (db) sum(dy, db);
}
}  // namespace camber::CAMBER_GPU
