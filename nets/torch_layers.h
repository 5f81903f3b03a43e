#pragma once
#include <camber/layers.h>

#include <cmath>

/// Layers as PyTorch's libraries set them up: explicit padding, batch norm with eps 1e-5 and momentum 0.1.
namespace camber::nets {

struct TorchConv {
    std::int64_t in = 0, out = 0;
    int kernel = 3, stride = 1, dilation = 1;
    bool bias = false;
    init::Initializer weight_init = init::kaiming_uniform(std::sqrt(5.0));  // PyTorch's default
    init::Initializer bias_init = {};                                       ///< absent: PyTorch's default
    bool head = false;                                                      ///< see nn::Conv2dOptions
};

/// Padding is dilation * (kernel - 1) / 2 on every side.
inline nn::Conv2dOptions torch_conv(const TorchConv& c) {
    return {.in = c.in,
            .out = c.out,
            .kernel_h = c.kernel,
            .kernel_w = c.kernel,
            .stride = c.stride,
            .dilation = c.dilation,
            .padding = ops::symmetric_padding(c.dilation * (c.kernel - 1) / 2),
            .bias = c.bias,
            .weight_init = c.weight_init,
            .bias_init = c.bias_init ? c.bias_init : init::pytorch_bias({c.out, c.kernel, c.kernel, c.in}),
            .head = c.head};
}

/// A convolution ("0") without bias, batch norm ("1") and ReLU.
class ConvNormRelu : public nn::Sequential {
  public:
    explicit ConvNormRelu(TorchConv conv) {
        conv.bias = false;
        push<nn::Conv2d>(torch_conv(conv));
        push<nn::BatchNorm2d>(conv.out, nn::pytorch_batch_norm(true));
    }
};

}  // namespace camber::nets
