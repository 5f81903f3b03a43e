#include <cmath>
#include <limits>

#include "backend/reference/reference_backend.h"
#include "backend/reference/scatter.h"

namespace camber::reference {
namespace {

/// The input rows and columns under one output pixel, cut to the image.
struct Window {
    std::int64_t top, bottom, left, right;

    Window(std::int64_t oh, std::int64_t ow, const Extents& in, const Pool2dParams& p) {
        const std::int64_t row = oh * p.stride_h - p.padding.top, column = ow * p.stride_w - p.padding.left;
        top = std::max<std::int64_t>(row, 0);
        bottom = std::min<std::int64_t>(row + p.kernel_h, in.h);
        left = std::max<std::int64_t>(column, 0);
        right = std::min<std::int64_t>(column + p.kernel_w, in.w);
    }

    bool empty() const { return top >= bottom || left >= right; }

    /// What an average divides by.
    double area(const Pool2dParams& p) const {
        if (p.count_include_pad) return static_cast<double>(p.kernel_h) * p.kernel_w;
        return static_cast<double>((bottom - top) * (right - left));
    }
};

/// Position in `image` [H, W, C] of channel c's maximum under the window, the first in row-major order; NaN counts as
/// larger than any number, so that it is not lost. -1 when the window holds padding only.
template <class A>
std::int64_t index_of_maximum(const A* image, const Extents& in, const Window& window, std::int64_t c) {
    std::int64_t best = -1;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::int64_t i = window.top; i < window.bottom; ++i)
        for (std::int64_t j = window.left; j < window.right; ++j) {
            const std::int64_t index = in.at(0, i, j) + c;
            const auto value = static_cast<double>(image[index]);
            if (best < 0 || value > largest || (std::isnan(value) && !std::isnan(largest))) {
                best = index;
                largest = value;
            }
        }
    return best;
}

}  // namespace

void ReferenceBackend::max_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) {
    with_floating(x.dtype(), [&]<class A>() {
        const Extents in(x), out(y);
        const A* px = x.data<A>();
        A* py = y.data<A>();
        const A lowest = static_cast<A>(-std::numeric_limits<double>::infinity());
#pragma omp parallel for if (worth_threads(y.numel() * p.kernel_h * p.kernel_w))
        for (std::int64_t row = 0; row < out.n * out.h; ++row) {
            const std::int64_t n = row / out.h, oh = row % out.h;
            const A* image = px + n * in.image_size();
            for (std::int64_t ow = 0; ow < out.w; ++ow) {
                const Window window(oh, ow, in, p);
                for (std::int64_t c = 0; c < out.c; ++c) {
                    const std::int64_t best = index_of_maximum(image, in, window, c);
                    py[out.at(n, oh, ow) + c] = best < 0 ? lowest : image[best];
                }
            }
        }
    });
}

void ReferenceBackend::max_pool2d_backward(const Tensor& x, const Tensor&, const Tensor& dy, const ChannelSlice& addend,
                                           const Tensor& dx, const Pool2dParams& p) {
    with_floating(x.dtype(), [&]<class A>() {
        const Extents in(x), out(dy);
        const A* px = x.data<A>();
        const A* pdy = dy.data<A>();
        scatter_images<A>(dx, addend, [&](std::int64_t n, double* sum) {
            for (std::int64_t oh = 0; oh < out.h; ++oh)
                for (std::int64_t ow = 0; ow < out.w; ++ow) {
                    const Window window(oh, ow, in, p);
                    for (std::int64_t c = 0; c < out.c; ++c) {
                        const std::int64_t best = index_of_maximum(px + n * in.image_size(), in, window, c);
                        if (best >= 0) sum[best] += static_cast<double>(pdy[out.at(n, oh, ow) + c]);
                    }
                }
        });
    });
}

void ReferenceBackend::avg_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) {
    with_floating(x.dtype(), [&]<class A>() {
        const Extents in(x), out(y);
        const A* px = x.data<A>();
        A* py = y.data<A>();
#pragma omp parallel for if (worth_threads(y.numel() * p.kernel_h * p.kernel_w))
        for (std::int64_t row = 0; row < out.n * out.h; ++row) {
            const std::int64_t n = row / out.h, oh = row % out.h;
            for (std::int64_t ow = 0; ow < out.w; ++ow) {
                const Window window(oh, ow, in, p);
                for (std::int64_t c = 0; c < out.c; ++c) {
                    double sum = 0;
                    for (std::int64_t i = window.top; i < window.bottom; ++i)
                        for (std::int64_t j = window.left; j < window.right; ++j)
                            sum += static_cast<double>(px[in.at(n, i, j) + c]);
                    py[out.at(n, oh, ow) + c] = static_cast<A>(window.empty() ? 0.0 : sum / window.area(p));
                }
            }
        }
    });
}

void ReferenceBackend::avg_pool2d_backward(const Tensor& dy, const Tensor& dx, const Pool2dParams& p) {
    with_floating(dy.dtype(), [&]<class A>() {
        const Extents in(dx), out(dy);
        const A* pdy = dy.data<A>();
        scatter_images<A>(dx, {}, [&](std::int64_t n, double* sum) {
            for (std::int64_t oh = 0; oh < out.h; ++oh)
                for (std::int64_t ow = 0; ow < out.w; ++ow) {
                    const Window window(oh, ow, in, p);
                    const A* gradient = pdy + out.at(n, oh, ow);
                    for (std::int64_t i = window.top; i < window.bottom; ++i)
                        for (std::int64_t j = window.left; j < window.right; ++j)
                            for (std::int64_t c = 0; c < out.c; ++c)
                                sum[in.at(0, i, j) + c] += static_cast<double>(gradient[c]) / window.area(p);
                }
        });
    });
}

}  // namespace camber::reference
