#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {

void ReferenceBackend::sum(const Tensor& x, const Tensor& y) {
    with_floating(x.dtype(), [&]<class A>() {
        using P = parameter_t<A>;
        const std::int64_t channels = y.numel(), rows = x.numel() / channels;
        const A* px = x.data<A>();
        P* py = y.data<P>();
#pragma omp parallel for if (worth_threads(x.numel()))
        for (std::int64_t c = 0; c < channels; ++c) {
            double total = 0;
            for (std::int64_t i = 0; i < rows; ++i) total += static_cast<double>(px[i * channels + c]);
            py[c] = static_cast<P>(total);
        }
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

}  // namespace camber::reference
