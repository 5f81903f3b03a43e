#pragma once
#include <camber/channel_slice.h>
#include <camber/tensor.h>
#include <camber/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <tuple>

#include "backend/batch_norm_folding.h"

/// Convolutions of inference: what follows them is computed before their sums are stored, and what becomes of their
/// weights is made once.
namespace camber {

/// What a convolution of an image and a filter to an output computes: output, gradient of the image, or of the filter.
enum class ConvPass { forward, backward_data, backward_filter };

/// A convolution, or (ConvPass::backward_data) a transposed one, and the batch normalisation and ReLU after it.
struct ConvolutionLayer {
    ConvPass pass = ConvPass::forward;
    Tensor w;     ///< [Cout, Kh, Kw, Cin]; of a transposed one, that of the convolution whose data gradient it is
    Tensor bias;  ///< [channels of the output], or undefined
    NormalisationWeights norm;
    Conv2dParams p;
    bool relu = false;

    bool transposed() const { return pass == ConvPass::backward_data; }
    std::int64_t in_channels() const { return w.dim(transposed() ? 0 : 3); }
    std::int64_t out_channels() const { return w.dim(transposed() ? 3 : 0); }
};

/// Operands of a ConvolutionLayer: y = relu(normalised(convolution of x) + residual), and the maxima of y's 2x2
/// windows, as max_pool2d makes them, in `pooled`. Any but `pooled` may be channels of a wider tensor, whose others are
/// left alone. residual and pooled may be undefined.
/// Where `coarse` is defined, [N, H / 2, W / 2, C'], its pixels, four times each (nearest), are the first channels of
/// the image, and x, undefined if there are none, the others: only where Backend::reads_coarse().
struct ConvolutionOperands {
    ChannelSlice x, residual, y;
    Tensor pooled;
    ChannelSlice coarse;
    std::int64_t coarse_channels = 0;
};

/// What devices have made of the weights of a network, shared by its convolutions of all sizes. Valid while the weights
/// stay as they are.
class KeptWeights {
  public:
    /// `bytes` bytes on `device`, filled by fill(memory) the first time. `layout` tells apart what is made of a layer's
    /// weight.
    Tensor get(const ConvolutionLayer& layer, std::uintptr_t layout, Device device, std::size_t bytes,
               const std::function<void(const Tensor&)>& fill);
    std::size_t bytes() const;
    void clear() { kept_.clear(); }

  private:
    std::map<std::tuple<const void*, const void*, std::uintptr_t>, Tensor> kept_;
};

class PreparedConvolution {
  public:
    virtual ~PreparedConvolution() = default;
    virtual void run(const ConvolutionOperands& operands) const = 0;
};

/// The slice as a tensor of its own, which is a copy where it is not all of its tensor.
Tensor whole(const ChannelSlice& slice, std::int64_t channels);
/// The layer's weight with the normalisation multiplied into it, f32 on the host.
Tensor folded_weight(const ConvolutionLayer& layer);
/// What is then added: bias and normalisation, f32 [channels of the output] on the host. Undefined where there is
/// neither.
Tensor folded_bias(const ConvolutionLayer& layer);

}  // namespace camber
