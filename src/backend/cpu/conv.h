#pragma once
#include <camber/tensor.h>
#include <camber/types.h>

#include <memory>

#include "backend/backend.h"

namespace camber::cpu {

/// A convolution's image [n, h, w, cin], output [n, ho, wo, cout] and weight [cout, kh, kw, cin]. A transposed
/// convolution is the data gradient of one: its input is the output here, its output the image.
struct ConvShape {
    int n, h, w, cin;
    int ho, wo, cout;
    int kh, kw, stride_h, stride_w, dilation_h, dilation_w;
    Padding padding;
    Dtype dtype;
};

/// Whether taps lie apart.
inline bool is_dilated(const ConvShape& s) { return (s.kh > 1 && s.dilation_h > 1) || (s.kw > 1 && s.dilation_w > 1); }

/// Our own loops, for any shape with padding of either sign: what runs where neither Winograd nor oneDNN does.
void plain_forward(const ConvShape& s, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y);
/// dx = gradient of the image, plus bias [cin] where defined.
void plain_backward_data(const ConvShape& s, const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx);
void plain_backward_filter(const ConvShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw);

/// Where the kernel is the stride, every output pixel has a patch of the image to itself, and the data gradient (a
/// transposed convolution, 2x2 of stride 2 above all) and the filter gradient are matrix products with the patches as
/// rows. False, with nothing done, where that is not so or oneDNN is not there.
bool patch_backward_data(const ConvShape& s, const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx);
bool patch_backward_filter(const ConvShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw);
/// The same of inference; null where it is none of these, or where more than bias and ReLU follows.
std::unique_ptr<PreparedConvolution> patch_prepare(const ConvShape& s, const ConvolutionLayer& layer,
                                                   const ConvolutionOperands& operands, KeptWeights& kept);

/// Of a dilated kernel of stride 1 many taps lie outside the image, which oneDNN leaves out of the forward pass and not
/// of the gradients; its filter gradient of dilated kernels in bf16 writes where it must not (2.6: 5x5, dilation 4).
/// False, with nothing done, where it is another kernel or oneDNN is not there.
bool dilated_backward_data(const ConvShape& s, const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx);
bool dilated_backward_filter(const ConvShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw);
/// What these take of scratch; nothing where they do nothing.
ConvScratch dilated_scratch(ConvPass pass, const ConvShape& s);

}  // namespace camber::cpu
