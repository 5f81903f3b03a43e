#include "backend/prepared_convolution.h"

#include "backend/backend.h"

namespace camber {
namespace {

Tensor like(const ChannelSlice& slice, std::int64_t channels) {
    const Tensor& t = slice.tensor;
    return Tensor::empty({t.dim(0), t.dim(1), t.dim(2), channels}, t.dtype(), t.device());
}

/// By the device's primitives, on whole tensors.
class PrimitiveConvolution final : public PreparedConvolution {
  public:
    PrimitiveConvolution(Backend& device, const ConvolutionLayer& layer, KeptWeights& kept)
        : device_(device), layer_(layer), bias_(folded_bias(layer)) {
        if (bias_) bias_ = bias_.to(device.device());
        weight_ = layer.w;
        if (!layer.norm) return;
        weight_ = kept.get(layer, 0, device.device(), layer.w.bytes(),
                           [&](const Tensor& memory) { memory.copy_from(folded_weight(layer).view(memory.shape())); });
        weight_ = weight_.view(layer.w.shape());
    }

    void run(const ConvolutionOperands& operands) const override {
        const std::int64_t channels = layer_.out_channels();
        const Tensor x = whole(operands.x, layer_.in_channels());
        const ChannelSlice& target = operands.y;
        const bool in_place = target.tensor.dim(3) == channels;
        const Tensor y = in_place ? target.tensor : like(target, channels);
        if (layer_.transposed())
            device_.conv2d_backward_data(x, weight_, bias_, y, layer_.p);
        else
            device_.conv2d(x, weight_, bias_, y, layer_.p);
        if (operands.residual) device_.add(y, whole(operands.residual, channels), y);
        if (layer_.relu) device_.relu(y, y);
        if (operands.pooled) device_.max_pool2d(y, operands.pooled, {});
        if (!in_place) device_.copy_channels(y, 0, target.tensor, target.begin, channels, {});
    }

  private:
    Backend& device_;
    ConvolutionLayer layer_;
    Tensor weight_, bias_;
};

}  // namespace

Tensor KeptWeights::get(const ConvolutionLayer& layer, std::uintptr_t layout, Device device, std::size_t bytes,
                        const std::function<void(const Tensor&)>& fill) {
    Tensor& tensor = kept_[{layer.w.raw(), layer.norm ? layer.norm.gamma.raw() : nullptr, layout}];
    if (!tensor) {
        const Tensor memory = Tensor::empty({static_cast<std::int64_t>(bytes / sizeof(float))}, Dtype::f32, device);
        fill(memory);
        tensor = memory;
    }
    return tensor;
}

std::size_t KeptWeights::bytes() const {
    std::size_t sum = 0;
    for (const auto& [key, tensor] : kept_) sum += tensor.bytes();
    return sum;
}

Tensor whole(const ChannelSlice& slice, std::int64_t channels) {
    if (slice.tensor.dim(3) == channels) return slice.tensor;
    Tensor result = like(slice, channels);
    backend(result).copy_channels(slice.tensor, slice.begin, result, 0, channels, {});
    return result;
}

Tensor folded_weight(const ConvolutionLayer& layer) {
    return layer.norm ? folded_weight(layer.w, layer.transposed() ? 3 : 0, layer.norm) : layer.w.to(Device::cpu);
}

Tensor folded_bias(const ConvolutionLayer& layer) {
    if (layer.norm) return folded_bias(layer.bias, layer.norm);
    return layer.bias ? layer.bias.to(Device::cpu) : Tensor();
}

std::unique_ptr<PreparedConvolution> Backend::prepare(const ConvolutionLayer& layer, const ConvolutionOperands&,
                                                      KeptWeights& kept) {
    return std::make_unique<PrimitiveConvolution>(*this, layer, kept);
}

}  // namespace camber
