#pragma once
#include <camber/tensor.h>
#include <camber/types.h>

#include "cuda/runtime/gpu.h"

namespace camber {

/// A convolution relates an image [N, H, W, C], a filter [K, Kh, Kw, C] and a response [N, Ho, Wo, K]; two of them are
/// given and the third is computed.
enum class ConvKind {
    forward,          ///< the response
    backward_data,    ///< the image, or its gradient
    backward_filter,  ///< the filter's gradient
};

/// A convolution to run. The filter is in f32; the bias (f32, may be undefined) is added to the response or, backward_-
/// data, to the image.
struct ConvCall {
    const char* name;  ///< of the primitive
    ConvKind kind;
    Tensor image, filter, response, bias;
    Conv2dParams params;
    /// The filter's bf16 copy where image and response are bf16, it is given, and somebody keeps one; else undefined.
    Tensor rounded_filter() const {
        return kind != ConvKind::backward_filter && image.dtype() == Dtype::bf16 ? filter.rounded() : Tensor();
    }
};

/// The three primitives as calls. Bias gradients are no part of them.
inline ConvCall conv2d_call(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                            const Conv2dParams& p) {
    return {"conv2d", ConvKind::forward, x, w, y, bias, p};
}
inline ConvCall conv2d_backward_data_call(const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx,
                                          const Conv2dParams& p) {
    return {"conv2d_backward_data", ConvKind::backward_data, dx, w, dy, bias, p};
}
inline ConvCall conv2d_backward_filter_call(const Tensor& x, const Tensor& dy, const Tensor& dw,
                                            const Conv2dParams& p) {
    return {"conv2d_backward_filter", ConvKind::backward_filter, x, dw, dy, {}, p};
}
}  // namespace camber

namespace camber::CAMBER_GPU {

/// Runs `call` on Camber's kernels (conv.cu and the two files below).
void own_convolution(const ConvCall& call);
/// The part of it that is in conv_filter.cu: backward_filter.
void own_filter_gradient(const ConvCall& call);
/// The part of it that is in conv_few_channels.cu: false, and nothing done, for a call that is not of that kind.
bool own_convolution_of_few_channels(const ConvCall& call);

}  // namespace camber::CAMBER_GPU
