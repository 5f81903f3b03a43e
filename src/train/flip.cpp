#include "train/flip.h"

#include <camber/ops.h>

#include <algorithm>
#include <cmath>

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

/// In place of logits, the logarithms of the probabilities.
void log_softmax(float* logits, std::int64_t classes) {
    const float most = *std::max_element(logits, logits + classes);
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(logits[c] - most));
    const float shift = most + static_cast<float>(std::log(sum));
    for (std::int64_t c = 0; c < classes; ++c) logits[c] -= shift;
}

}  // namespace

Tensor flipped_logits(Model& model, const Tensor& images) {
    const auto logits_of = [&](const Tensor& pictures) { return host_f32(network_logits(model, pictures)); };
    const Tensor a = logits_of(images), b = mirrored(logits_of(mirrored(host_f32(images))));
    const std::int64_t channels = a.dim(3), classes = std::min<std::int64_t>(channels, model.classes.count());
    const Tensor mean = Tensor::empty({a.dim(0), a.dim(1), a.dim(2), classes}, Dtype::f32, Device::cpu);
    float *const x = a.data<float>(), *const y = b.data<float>(), *const to = mean.data<float>();
    for (std::int64_t pixel = 0; pixel < mean.numel() / classes; ++pixel) {
        float *const p = x + pixel * channels, *const q = y + pixel * channels, *const m = to + pixel * classes;
        log_softmax(p, classes);
        log_softmax(q, classes);
        for (std::int64_t c = 0; c < classes; ++c) {
            const float most = std::max(p[c], q[c]), least = std::min(p[c], q[c]);
            m[c] = most + std::log1p(std::exp(least - most)) - static_cast<float>(std::log(2.0));
        }
    }
    return mean.to(model.device());
}

}  // namespace camber
