#include <vector>

#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {
namespace {

/// One axis of a convolution: tap k of output o reads input o * stride - pad + k * dilation.
struct Axis {
    int stride, dilation, pad;

    std::int64_t input(std::int64_t output, std::int64_t tap) const { return output * stride - pad + tap * dilation; }
    /// The output whose tap `tap` reads `input`, -1 when there is none below `outputs`.
    std::int64_t output(std::int64_t input, std::int64_t tap, std::int64_t outputs) const {
        const std::int64_t offset = input + pad - tap * dilation;
        if (offset < 0 || offset % stride != 0) return -1;
        const std::int64_t o = offset / stride;
        return o < outputs ? o : -1;
    }
};

Axis rows(const Conv2dParams& p) { return {p.stride_h, p.dilation_h, p.padding.top}; }
Axis columns(const Conv2dParams& p) { return {p.stride_w, p.dilation_w, p.padding.left}; }

bool inside(std::int64_t index, std::int64_t extent) { return index >= 0 && index < extent; }

/// y = correlation of x with w, plus bias.
template <class A>
void correlate(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) {
    using P = parameter_t<A>;
    const Extents in(x), out(y);
    const std::int64_t kh = w.dim(1), kw = w.dim(2);
    const Axis vertical = rows(p), horizontal = columns(p);
    const A* px = x.data<A>();
    const P* pw = w.data<P>();
    const P* pb = data_or_null<P>(bias);
    A* py = y.data<A>();
#pragma omp parallel for if (worth_threads(y.numel() * kh * kw * in.c))
    for (std::int64_t row = 0; row < out.n * out.h; ++row) {
        const std::int64_t n = row / out.h, oh = row % out.h;
        for (std::int64_t ow = 0; ow < out.w; ++ow) {
            A* pixel = py + out.at(n, oh, ow);
            for (std::int64_t co = 0; co < out.c; ++co) {
                double sum = pb ? static_cast<double>(pb[co]) : 0.0;
                for (std::int64_t i = 0; i < kh; ++i) {
                    const std::int64_t ih = vertical.input(oh, i);
                    if (!inside(ih, in.h)) continue;
                    for (std::int64_t j = 0; j < kw; ++j) {
                        const std::int64_t iw = horizontal.input(ow, j);
                        if (!inside(iw, in.w)) continue;
                        const A* source = px + in.at(n, ih, iw);
                        const P* weight = pw + ((co * kh + i) * kw + j) * in.c;
                        for (std::int64_t ci = 0; ci < in.c; ++ci)
                            sum += static_cast<double>(source[ci]) * static_cast<double>(weight[ci]);
                    }
                }
                pixel[co] = static_cast<A>(sum);
            }
        }
    }
}

/// dx = gradient of correlate() with respect to x, plus bias.
template <class A>
void data_gradient(const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx, const Conv2dParams& p) {
    using P = parameter_t<A>;
    const Extents in(dx), out(dy);
    const std::int64_t kh = w.dim(1), kw = w.dim(2);
    const Axis vertical = rows(p), horizontal = columns(p);
    const A* pdy = dy.data<A>();
    const P* pw = w.data<P>();
    const P* pb = data_or_null<P>(bias);
    A* pdx = dx.data<A>();
#pragma omp parallel for if (worth_threads(dy.numel() * kh * kw * in.c))
    for (std::int64_t row = 0; row < in.n * in.h; ++row) {
        const std::int64_t n = row / in.h, ih = row % in.h;
        std::vector<double> sums(static_cast<std::size_t>(in.c));
        double* sum = sums.data();
        for (std::int64_t iw = 0; iw < in.w; ++iw) {
            for (std::int64_t ci = 0; ci < in.c; ++ci) sum[ci] = pb ? static_cast<double>(pb[ci]) : 0.0;
            for (std::int64_t i = 0; i < kh; ++i) {
                const std::int64_t oh = vertical.output(ih, i, out.h);
                if (oh < 0) continue;
                for (std::int64_t j = 0; j < kw; ++j) {
                    const std::int64_t ow = horizontal.output(iw, j, out.w);
                    if (ow < 0) continue;
                    const A* gradient = pdy + out.at(n, oh, ow);
                    for (std::int64_t co = 0; co < out.c; ++co) {
                        const auto g = static_cast<double>(gradient[co]);
                        const P* weight = pw + ((co * kh + i) * kw + j) * in.c;
                        for (std::int64_t ci = 0; ci < in.c; ++ci) sum[ci] += g * static_cast<double>(weight[ci]);
                    }
                }
            }
            A* pixel = pdx + in.at(n, ih, iw);
            for (std::int64_t ci = 0; ci < in.c; ++ci) pixel[ci] = static_cast<A>(sum[ci]);
        }
    }
}

/// dw = gradient of correlate() with respect to w.
template <class A>
void filter_gradient(const Tensor& x, const Tensor& dy, const Tensor& dw, const Conv2dParams& p) {
    using P = parameter_t<A>;
    const Extents in(x), out(dy);
    const std::int64_t kh = dw.dim(1), kw = dw.dim(2);
    const Axis vertical = rows(p), horizontal = columns(p);
    const A* px = x.data<A>();
    const A* pdy = dy.data<A>();
    P* pdw = dw.data<P>();
#pragma omp parallel for if (worth_threads(dy.numel() * kh * kw * in.c))
    for (std::int64_t tap = 0; tap < out.c * kh * kw; ++tap) {
        const std::int64_t co = tap / (kh * kw), i = tap / kw % kh, j = tap % kw;
        std::vector<double> sums(static_cast<std::size_t>(in.c));
        double* sum = sums.data();
        for (std::int64_t n = 0; n < out.n; ++n)
            for (std::int64_t oh = 0; oh < out.h; ++oh) {
                const std::int64_t ih = vertical.input(oh, i);
                if (!inside(ih, in.h)) continue;
                for (std::int64_t ow = 0; ow < out.w; ++ow) {
                    const std::int64_t iw = horizontal.input(ow, j);
                    if (!inside(iw, in.w)) continue;
                    const auto g = static_cast<double>(pdy[out.at(n, oh, ow) + co]);
                    const A* source = px + in.at(n, ih, iw);
                    for (std::int64_t ci = 0; ci < in.c; ++ci) sum[ci] += g * static_cast<double>(source[ci]);
                }
            }
        for (std::int64_t ci = 0; ci < in.c; ++ci) pdw[tap * in.c + ci] = static_cast<P>(sum[ci]);
    }
}

}  // namespace

void ReferenceBackend::conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                              const Conv2dParams& p) {
    with_floating(x.dtype(), [&]<class A>() { correlate<A>(x, w, bias, y, p); });
}

void ReferenceBackend::conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx,
                                            const Conv2dParams& p) {
    with_floating(dy.dtype(), [&]<class A>() { data_gradient<A>(dy, w, bias, dx, p); });
}

void ReferenceBackend::conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                              const Conv2dParams& p) {
    with_floating(x.dtype(), [&]<class A>() { filter_gradient<A>(x, dy, dw, p); });
    if (db) sum(dy, db);
}

}  // namespace camber::reference
