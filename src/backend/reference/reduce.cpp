#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {

void ReferenceBackend::sum(const Tensor& x, const Tensor& y) {
    with_floating(x.dtype(), [&]<class A>() {
        const A* px = x.data<A>();
        double total = 0;
        for (std::int64_t i = 0; i < x.numel(); ++i) total += static_cast<double>(px[i]);
        using P = parameter_t<A>;
        *y.data<P>() = static_cast<P>(total);
    });
}

void ReferenceBackend::argmax(const Tensor& x, const Tensor& labels) {
    with_floating(x.dtype(), [&]<class A>() {
        const std::int64_t channels = x.shape().back();
        const A* px = x.data<A>();
        auto* out = labels.data<std::uint8_t>();
        for (std::int64_t row = 0; row < rows_of(x); ++row) {
            const A* values = px + row * channels;
            std::int64_t best = 0;
            for (std::int64_t c = 1; c < channels; ++c)
                if (static_cast<double>(values[c]) > static_cast<double>(values[best])) best = c;
            out[row] = static_cast<std::uint8_t>(best);
        }
    });
}

void ReferenceBackend::confusion_matrix(const Tensor& prediction, const Tensor& truth, const Tensor& counts,
                                        int ignore_index) {
    const std::int64_t classes = counts.dim(0);
    const auto* predicted = prediction.data<std::uint8_t>();
    const auto* labels = truth.data<std::uint8_t>();
    auto* out = counts.data<std::int32_t>();
    for (std::int64_t i = 0; i < truth.numel(); ++i) {
        if (labels[i] == ignore_index || labels[i] >= classes) continue;
        if (predicted[i] >= classes) fail("confusion_matrix: prediction {} of {} classes", predicted[i], classes);
        ++out[labels[i] * classes + predicted[i]];
    }
}

}  // namespace camber::reference
