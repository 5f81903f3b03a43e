#include <algorithm>

#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {
namespace {

/// Calls f(position in `packed` [N, H, W, C * factor^2], position in `spread` [N, H * factor, W * factor, C]) for every
/// element that pixel_shuffle moves between them.
template <class F>
void for_shuffled(const Extents& packed, const Extents& spread, int factor, F f) {
    for (std::int64_t n = 0; n < spread.n; ++n)
        for (std::int64_t i = 0; i < spread.h; ++i)
            for (std::int64_t j = 0; j < spread.w; ++j)
                for (std::int64_t c = 0; c < spread.c; ++c) {
                    const std::int64_t within = i % factor * factor + j % factor;
                    f(packed.at(n, i / factor, j / factor) + c * factor * factor + within, spread.at(n, i, j) + c);
                }
}

}  // namespace

void ReferenceBackend::pad2d(const Tensor& x, const Tensor& y, int top, int left) {
    with_floating(x.dtype(), [&]<class A>() {
        const Extents in(x), out(y);
        const A* px = x.data<A>();
        A* py = y.data<A>();
        for (std::int64_t n = 0; n < out.n; ++n)
            for (std::int64_t i = 0; i < out.h; ++i)
                for (std::int64_t j = 0; j < out.w; ++j) {
                    const std::int64_t si = i - top, sj = j - left;
                    A* pixel = py + out.at(n, i, j);
                    if (si >= 0 && si < in.h && sj >= 0 && sj < in.w)
                        std::copy_n(px + in.at(n, si, sj), out.c, pixel);
                    else
                        std::fill_n(pixel, out.c, static_cast<A>(0.0));
                }
    });
}

void ReferenceBackend::copy_channels(const Tensor& x, std::int64_t x_begin, const Tensor& y, std::int64_t y_begin,
                                     std::int64_t count, const Tensor& sums) {
    with_floating(x.dtype(), [&]<class A>() {
        const std::int64_t from = x.shape().back(), to = y.shape().back();
        const A* px = x.data<A>();
        A* py = y.data<A>();
        for (std::int64_t row = 0; row < rows_of(x); ++row)
            std::copy_n(px + row * from + x_begin, count, py + row * to + y_begin);
        if (!sums) return;
        for (std::int64_t c = 0; c < count; ++c) {
            double sum = 0;
            for (std::int64_t row = 0; row < rows_of(x); ++row)
                sum += static_cast<double>(px[row * from + x_begin + c]);
            sums.data<parameter_t<A>>()[c] = static_cast<parameter_t<A>>(sum);
        }
    });
}

void ReferenceBackend::pixel_shuffle(const Tensor& x, const Tensor& y, int factor) {
    with_floating(x.dtype(), [&]<class A>() {
        const A* px = x.data<A>();
        A* py = y.data<A>();
        for_shuffled(Extents(x), Extents(y), factor,
                     [=](std::int64_t packed, std::int64_t spread) { py[spread] = px[packed]; });
    });
}

void ReferenceBackend::pixel_unshuffle(const Tensor& x, const Tensor& y, int factor) {
    with_floating(x.dtype(), [&]<class A>() {
        const A* px = x.data<A>();
        A* py = y.data<A>();
        for_shuffled(Extents(y), Extents(x), factor,
                     [=](std::int64_t packed, std::int64_t spread) { py[packed] = px[spread]; });
    });
}

}  // namespace camber::reference
