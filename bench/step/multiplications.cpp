#include "step/multiplications.h"

#include "inference/fuse.h"

namespace camber::bench {
namespace {

/// Pairs of an output and a tap inside the image, along one axis.
double meetings(std::int64_t out, std::int64_t in, std::int64_t kernel, int stride, int dilation, int padding) {
    double count = 0;
    for (std::int64_t i = 0; i < out; ++i)
        for (std::int64_t k = 0; k < kernel; ++k) {
            const std::int64_t at = i * stride - padding + k * dilation;
            count += at >= 0 && at < in;
        }
    return count;
}

void add(const inference::Convolution& convolution, Multiplications& sum) {
    const ConvolutionLayer& layer = convolution.layer;
    const ConvolutionOperands& o = convolution.operands;
    const Conv2dParams& p = layer.p;
    const Tensor& w = layer.w;
    const Shape small = (o.coarse ? o.coarse : o.x).tensor.shape(), out = o.y.tensor.shape();
    const std::int64_t scale = o.coarse ? 2 : 1;
    std::int64_t h = small[1] * scale, width = small[2] * scale, ho = out[1], wo = out[2];
    if (layer.transposed()) std::swap(h, ho), std::swap(width, wo);
    const double pairs = static_cast<double>(w.dim(0) * w.dim(3)) * static_cast<double>(out[0]);
    const double inside = meetings(ho, h, w.dim(1), p.stride_h, p.dilation_h, p.padding.top) *
                          meetings(wo, width, w.dim(2), p.stride_w, p.dilation_w, p.padding.left);
    // The pictures themselves need no gradient.
    const double passes = layer.in_channels() == 3 ? 2 : 3;
    sum.all += passes * pairs * inside;
    const std::int64_t fewest = std::min(w.dim(0), w.dim(3));
    const double saving = fewest >= 32 && w.dim(0) * w.dim(3) <= 256 * 512 ? 36.0 * 9 / 64 : 16.0 * 9 / 36;
    const double winograd = static_cast<double>(ho * wo) * 9 / saving;
    if (w.dim(1) == 3 && w.dim(2) == 3 && p.stride_h == 1 && p.stride_w == 1 && fewest >= 16 && winograd < inside)
        sum.winograd += passes * pairs * winograd;
    else
        sum.direct += passes * pairs * inside;
}

}  // namespace

Multiplications multiplications(const StepSize& size) {
    const std::unique_ptr<nets::Net> net = make_net(size);
    net->eval();
    const nn::ParameterBuffer parameters(*net, {.gradients = false});
    const Shape shape = {size.batch, size.size, size.size, 3};
    Multiplications sum;
    for (const inference::Step& step : fuse(inference::trace(*net, shape, size.dtype), backend(Device::cpu)))
        if (const auto* convolution = std::get_if<inference::Convolution>(&step)) add(*convolution, sum);
    return sum;
}

}  // namespace camber::bench
