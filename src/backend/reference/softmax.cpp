#include <vector>

#include "backend/reference/dispatch.h"
#include "backend/reference/log_softmax.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {

void ReferenceBackend::softmax(const Tensor& x, const Tensor& y) {
    with_floating(x.dtype(), [&]<class A>() {
        const std::int64_t channels = x.shape().back(), rows = rows_of(x);
        const A* px = x.data<A>();
        A* py = y.data<A>();
        std::vector<double> logarithms(static_cast<std::size_t>(channels));
        for (std::int64_t row = 0; row < rows; ++row) {
            log_softmax(px + row * channels, channels, logarithms.data());
            for (std::int64_t c = 0; c < channels; ++c)
                py[row * channels + c] = static_cast<A>(std::exp(logarithms[static_cast<std::size_t>(c)]));
        }
    });
}

void ReferenceBackend::softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
    with_floating(y.dtype(), [&]<class A>() {
        const std::int64_t channels = y.shape().back(), rows = rows_of(y);
#pragma omp parallel for if (worth_threads(y.numel()))
        for (std::int64_t row = 0; row < rows; ++row) {
            const A* q = y.data<A>() + row * channels;
            const A* g = dy.data<A>() + row * channels;
            A* out = dx.data<A>() + row * channels;
            double dot = 0;
            for (std::int64_t c = 0; c < channels; ++c) dot += static_cast<double>(q[c]) * static_cast<double>(g[c]);
            for (std::int64_t c = 0; c < channels; ++c)
                out[c] = static_cast<A>(static_cast<double>(q[c]) * (static_cast<double>(g[c]) - dot));
        }
    });
}

}  // namespace camber::reference
