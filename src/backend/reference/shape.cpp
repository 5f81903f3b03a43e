#include <algorithm>

#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {

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
                                     std::int64_t count) {
    with_floating(x.dtype(), [&]<class A>() {
        const std::int64_t from = x.shape().back(), to = y.shape().back();
        const A* px = x.data<A>();
        A* py = y.data<A>();
        for (std::int64_t row = 0; row < rows_of(x); ++row)
            std::copy_n(px + row * from + x_begin, count, py + row * to + y_begin);
    });
}

}  // namespace camber::reference
