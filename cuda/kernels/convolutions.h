#pragma once
#include <camber/tensor.h>
#include <camber/types.h>

#include <string>

#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// The six convolution primitives as backend.h documents them, so that one implementation can stand in for another.
class Convolutions {
  public:
    virtual ~Convolutions() = default;
    virtual void conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                        const Conv2dParams& p) = 0;
    virtual void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx, const Conv2dParams& p) = 0;
    virtual void conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                        const Conv2dParams& p) = 0;
    virtual void conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                                  const ConvTranspose2dParams& p) = 0;
    virtual void conv_transpose2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                                const ConvTranspose2dParams& p) = 0;
    virtual void conv_transpose2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                                  const ConvTranspose2dParams& p) = 0;
};

/// Camber's kernels: conv.cu, conv_filter.cu.
class OwnConvolutions final : public Convolutions {
  public:
    void conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) override;
    void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx, const Conv2dParams& p) override;
    void conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                const Conv2dParams& p) override;
    void conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                          const ConvTranspose2dParams& p) override;
    void conv_transpose2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                        const ConvTranspose2dParams& p) override;
    void conv_transpose2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                          const ConvTranspose2dParams& p) override;
};

/// db = the sum of dy over pixels.
void convolution_bias_gradient(const Tensor& dy, const Tensor& db);

/// Those that convolution_settings() asks for and this build and machine have.
Convolutions& convolutions();
/// For `camber info`: whose convolutions run, and why not cuDNN's where they do not.
std::string describe_convolutions();

}  // namespace camber::CAMBER_GPU
