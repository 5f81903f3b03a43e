#include <cmath>
#include <utility>

#include "backend/reference/reference_backend.h"
#include "backend/reference/scatter.h"

namespace camber::reference {
namespace {

/// What one output coordinate reads: (1 - fraction) of input `low` and `fraction` of input `high`.
struct Tap {
    std::int64_t low, high;
    double fraction;
};

Tap between(double source, std::int64_t extent) {
    const auto low = std::min(static_cast<std::int64_t>(source), extent - 1);
    return {low, std::min(low + 1, extent - 1), source - static_cast<double>(low)};
}

/// For every output coordinate of an axis, its tap. See ResizeMode for the conventions.
std::vector<Tap> taps(std::int64_t in, std::int64_t out, ResizeMode mode) {
    std::vector<Tap> result;
    for (std::int64_t i = 0; i < out; ++i) {
        const auto position = static_cast<double>(i);
        switch (mode) {
            case ResizeMode::nearest:
                result.push_back({i * in / out, i * in / out, 0});
                break;
            case ResizeMode::nearest_half_pixel: {
                const std::int64_t source = (2 * i + 1) * in / (2 * out);
                result.push_back({source, source, 0});
                break;
            }
            case ResizeMode::bilinear: {
                const double ratio = static_cast<double>(in) / static_cast<double>(out);
                result.push_back(between(std::max((position + 0.5) * ratio - 0.5, 0.0), in));
                break;
            }
            case ResizeMode::bilinear_align_corners: {
                const double ratio = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0.0;
                result.push_back(between(position * ratio, in));
                break;
            }
        }
    }
    return result;
}

/// Calls f(offset of the input pixel, its weight) for the pixels, up to four, that an output pixel is made of.
template <class F>
void for_sources(const Tap& row, const Tap& column, const Extents& in, F f) {
    for (const auto& [i, wi] : {std::pair{row.low, 1 - row.fraction}, std::pair{row.high, row.fraction}})
        for (const auto& [j, wj] :
             {std::pair{column.low, 1 - column.fraction}, std::pair{column.high, column.fraction}})
            if (wi * wj != 0) f(in.at(0, i, j), wi * wj);
}

}  // namespace

void ReferenceBackend::resize(const Tensor& x, const Tensor& y, ResizeMode mode) {
    with_floating(x.dtype(), [&]<class A>() {
        const Extents in(x), out(y);
        const auto row_taps = taps(in.h, out.h, mode), column_taps = taps(in.w, out.w, mode);
        const A* px = x.data<A>();
        A* py = y.data<A>();
#pragma omp parallel for if (worth_threads(y.numel()))
        for (std::int64_t row = 0; row < out.n * out.h; ++row) {
            const std::int64_t n = row / out.h, oh = row % out.h;
            const A* image = px + n * in.image_size();
            std::vector<double> sum(static_cast<std::size_t>(out.c));
            for (std::int64_t ow = 0; ow < out.w; ++ow) {
                std::fill(sum.begin(), sum.end(), 0.0);
                for_sources(row_taps[static_cast<std::size_t>(oh)], column_taps[static_cast<std::size_t>(ow)], in,
                            [&](std::int64_t offset, double weight) {
                                for (std::int64_t c = 0; c < out.c; ++c)
                                    sum[static_cast<std::size_t>(c)] += weight * static_cast<double>(image[offset + c]);
                            });
                A* pixel = py + out.at(n, oh, ow);
                for (std::int64_t c = 0; c < out.c; ++c) pixel[c] = static_cast<A>(sum[static_cast<std::size_t>(c)]);
            }
        }
    });
}

void ReferenceBackend::resize_backward(const Tensor& dy, const Tensor& dx, ResizeMode mode) {
    with_floating(dy.dtype(), [&]<class A>() {
        const Extents in(dx), out(dy);
        const auto row_taps = taps(in.h, out.h, mode), column_taps = taps(in.w, out.w, mode);
        const A* pdy = dy.data<A>();
        scatter_images<A>(dx, {}, [&](std::int64_t n, double* sum) {
            for (std::int64_t oh = 0; oh < out.h; ++oh)
                for (std::int64_t ow = 0; ow < out.w; ++ow) {
                    const A* gradient = pdy + out.at(n, oh, ow);
                    for_sources(row_taps[static_cast<std::size_t>(oh)], column_taps[static_cast<std::size_t>(ow)], in,
                                [&](std::int64_t offset, double weight) {
                                    for (std::int64_t c = 0; c < out.c; ++c)
                                        sum[offset + c] += weight * static_cast<double>(gradient[c]);
                                });
                }
        });
    });
}

}  // namespace camber::reference
