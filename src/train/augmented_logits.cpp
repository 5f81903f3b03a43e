#include "train/augmented_logits.h"

#include <camber/ops.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "train/finite.h"
#include "train/mean_probabilities.h"
#include "train/network_logits.h"

namespace camber {
namespace {

/// x [N, H, W, C] f32 on the host, its columns in the other order.
Tensor mirrored(const Tensor& x) {
    const Tensor result = Tensor::empty(x.shape(), Dtype::f32, Device::cpu);
    const std::int64_t width = x.dim(2), channels = x.dim(3);
    const float* const from = x.data<float>();
    float* const to = result.data<float>();
    for (std::int64_t row = 0; row < x.dim(0) * x.dim(1); ++row)
        for (std::int64_t column = 0; column < width; ++column)
            std::copy_n(from + (row * width + column) * channels, channels,
                        to + (row * width + width - 1 - column) * channels);
    return result;
}

Tensor host_f32(const Tensor& x) { return ops::cast(x.to(Device::cpu), Dtype::f32); }

}  // namespace

std::vector<InputSize> input_sizes(const Model& model) {
    const InputSize whole = input_size(model.config);
    const int multiple = model.net->size_multiple();
    std::vector<InputSize> sizes;
    for (const double scale : model.inference.scales) {
        const auto scaled = [&](int length) {
            return multiple * std::max(1, static_cast<int>(std::lround(length * scale / multiple)));
        };
        sizes.push_back(scale == 1 ? whole : InputSize{scaled(whole.height), scaled(whole.width)});
    }
    return sizes;
}

Tensor augmented_logits(Model& model, std::span<const Tensor> pictures, InputSize size) {
    const auto logits_of = [&](const Tensor& x) { return network_logits(model, x); };
    const auto has_size = [&](const Tensor& x) { return x.dim(1) == size.height && x.dim(2) == size.width; };
    if (pictures.size() == 1 && !model.inference.flip && has_size(pictures[0])) return logits_of(pictures[0]);
    std::optional<MeanProbabilities> mean;
    const auto add = [&](const Tensor& logits) {
        const bool resized = !has_size(logits);
        if (!mean) mean.emplace(Shape{logits.dim(0), size.height, size.width, logits.dim(3)});
        mean->add(resized ? ops::resize(logits, size.height, size.width, ResizeMode::bilinear) : logits);
    };
    for (const Tensor& picture : pictures) {
        add(host_f32(logits_of(picture)));
        if (model.inference.flip) add(mirrored(host_f32(logits_of(mirrored(host_f32(picture))))));
    }
    return mean->logits().to(model.device());
}

Tensor finite_logits(Model& model, std::span<const Tensor> pictures, InputSize size) {
    const Tensor logits = host_f32(augmented_logits(model, pictures, size));
    refuse_non_finite(logits, "the network's output");
    return logits;
}

}  // namespace camber
