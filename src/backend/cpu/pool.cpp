#include <limits>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/image.h"

namespace camber::cpu {
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
    /// One over what an average divides by.
    float weight(const Pool2dParams& p) const {
        const std::int64_t area =
            p.count_include_pad ? std::int64_t{p.kernel_h} * p.kernel_w : (bottom - top) * (right - left);
        return 1.f / static_cast<float>(area);
    }
};

CAMBER_VEC Vec lowest() { return splat(-std::numeric_limits<float>::infinity()); }

/// Where in the image (row * width + column) the maximum of 16 channels lies; -1 under a window of padding only.
template <class T, class Part>
CAMBER_VEC IntVec position_of_maximum(const T* channels, const Extents& in, const Window& window, Part part) {
    Vec maximum = lowest();
    IntVec best = IntVec{} - 1;
    for (std::int64_t i = window.top; i < window.bottom; ++i)
        for (std::int64_t j = window.left; j < window.right; ++j) {
            const Vec v = load(channels + in.at(0, i, j), part);
            const IntVec larger = exceeds(v, maximum) | (best < 0);
            maximum = select(larger, v, maximum);
            best = larger ? IntVec{} + static_cast<std::int32_t>(i * in.w + j) : best;
        }
    return best;
}

/// Output rows whose windows reach input row `row`: [first, last].
struct Reach {
    std::int64_t first, last;

    Reach(std::int64_t row, std::int64_t out, int kernel, int stride, int pad) {
        const std::int64_t begin = row + pad - kernel + 1;
        first = begin > 0 ? (begin + stride - 1) / stride : 0;
        last = std::min((row + pad) / stride, out - 1);
    }
};

/// What is added to every pixel of a gradient: channels of a wider one, or nothing.
template <class T>
struct Addend {
    const T* first;  ///< channel of the first pixel; null: nothing
    std::int64_t stride;

    explicit Addend(const ChannelSlice& slice)
        : first(slice ? slice.tensor.data<T>() + slice.begin : nullptr), stride(slice ? slice.tensor.dim(3) : 0) {}
    template <class Part>
    CAMBER_VEC Vec at(std::int64_t pixel, std::int64_t c, Part part) const {
        return load(first + pixel * stride + c, part);
    }
};

/// dx = 0, or the addend.
template <class T>
void start_gradient(const Tensor& dx, const ChannelSlice& addend) {
    if (addend) {
        backend(dx).copy_channels(addend.tensor, addend.begin, dx, 0, dx.dim(3), {});
    } else {
        device_memory(Device::cpu).zero(dx.raw(), dx.bytes());
    }
}

/// Windows that do not overlap: every input pixel is written once, by its own window.
template <class T, bool adds>
void scatter_maxima(const Tensor& x, const Tensor& dy, const ChannelSlice& slice, const Tensor& dx,
                    const Pool2dParams& p) {
    const Extents in(x), out(dy);
    const Addend<T> addend(slice);
    const bool covered = p.kernel_h == p.stride_h && p.kernel_w == p.stride_w && out.h * p.kernel_h == in.h &&
                         out.w * p.kernel_w == in.w && p.padding.top == 0 && p.padding.left == 0;
    if (!covered) start_gradient<T>(dx, slice);
    const T *px = x.data<T>(), *pdy = dy.data<T>();
    T* pdx = dx.data<T>();
    with_store(dx, !in.whole_vectors() || !covered, [&](auto write) {
        parallel_for(out.rows(), out.row_size() * 4, [&](std::int64_t row) {
            const std::int64_t n = row / out.h, oh = row % out.h;
            for (std::int64_t ow = 0; ow < out.w; ++ow) {
                const Window window(oh, ow, in, p);
                for_vectors(0, out.c, [&](std::int64_t c, auto part) {
                    const IntVec best = position_of_maximum(px + in.at(n, 0, 0) + c, in, window, part);
                    const Vec g = load(pdy + out.at(n, oh, ow) + c, part);
                    for (std::int64_t i = window.top; i < window.bottom; ++i)
                        for (std::int64_t j = window.left; j < window.right; ++j) {
                            Vec v = select(best == static_cast<std::int32_t>(i * in.w + j), g, Vec{});
                            if constexpr (adds) v += addend.at((n * in.h + i) * in.w + j, c, part);
                            write(pdx + in.at(n, i, j) + c, v, part);
                        }
                });
            }
        });
    });
}

template <class T>
void gather_maxima(const Tensor& x, const Tensor& dy, const ChannelSlice& slice, const Tensor& dx,
                   const Pool2dParams& p) {
    const Extents in(x), out(dy);
    const Addend<T> addend(slice);
    const T *px = x.data<T>(), *pdy = dy.data<T>();
    gather_rows<T>(dx, [&](std::int64_t n, std::int64_t row, float* sums) {
        if (slice)
            for (std::int64_t j = 0; j < in.w; ++j)
                for_vectors(0, in.c, [&](std::int64_t c, auto part) {
                    store(sums + j * in.c + c, addend.at((n * in.h + row) * in.w + j, c, part), part);
                });
        const Reach reach(row, out.h, p.kernel_h, p.stride_h, p.padding.top);
        for (std::int64_t oh = reach.first; oh <= reach.last; ++oh)
            for (std::int64_t ow = 0; ow < out.w; ++ow) {
                const Window window(oh, ow, in, p);
                for_vectors(0, out.c, [&](std::int64_t c, auto part) {
                    const IntVec best = position_of_maximum(px + in.at(n, 0, 0) + c, in, window, part);
                    const Vec g = load(pdy + out.at(n, oh, ow) + c, part);
                    for (std::int64_t j = window.left; j < window.right; ++j) {
                        float* s = sums + j * in.c + c;
                        const IntVec here = best == static_cast<std::int32_t>(row * in.w + j);
                        store(s, load(s, part) + select(here, g, Vec{}), part);
                    }
                });
            }
    });
}

}  // namespace

void CpuBackend::max_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) {
    with_activation("max_pool2d", x.dtype(), [&]<class T>(T) {
        const Extents in(x), out(y);
        const T* px = x.data<T>();
        T* py = y.data<T>();
        parallel_for(out.rows(), out.row_size() * 4, [&](std::int64_t row) {
            const std::int64_t n = row / out.h, oh = row % out.h;
            for (std::int64_t ow = 0; ow < out.w; ++ow) {
                const Window window(oh, ow, in, p);
                for_vectors(0, out.c, [&](std::int64_t c, auto part) {
                    Vec maximum = lowest();
                    for (std::int64_t i = window.top; i < window.bottom; ++i)
                        for (std::int64_t j = window.left; j < window.right; ++j) {
                            const Vec v = load(px + in.at(n, i, j) + c, part);
                            maximum = select(exceeds(v, maximum), v, maximum);
                        }
                    store(py + out.at(n, oh, ow) + c, maximum, part);
                });
            }
        });
    });
}

void CpuBackend::max_pool2d_backward(const Tensor& x, const Tensor&, const Tensor& dy, const ChannelSlice& addend,
                                     const Tensor& dx, const Pool2dParams& p) {
    with_activation("max_pool2d_backward", x.dtype(), [&]<class T>(T) {
        if (p.kernel_h <= p.stride_h && p.kernel_w <= p.stride_w) {
            (addend ? scatter_maxima<T, true> : scatter_maxima<T, false>)(x, dy, addend, dx, p);
        } else {
            gather_maxima<T>(x, dy, addend, dx, p);
        }
    });
}

void CpuBackend::avg_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) {
    with_activation("avg_pool2d", x.dtype(), [&]<class T>(T) {
        const Extents in(x), out(y);
        const T* px = x.data<T>();
        T* py = y.data<T>();
        parallel_for(out.rows(), out.row_size() * p.kernel_h * p.kernel_w, [&](std::int64_t row) {
            const std::int64_t n = row / out.h, oh = row % out.h;
            for (std::int64_t ow = 0; ow < out.w; ++ow) {
                const Window window(oh, ow, in, p);
                const float weight = window.empty() ? 0.f : window.weight(p);
                for_vectors(0, out.c, [&](std::int64_t c, auto part) {
                    Vec total{};
                    for (std::int64_t i = window.top; i < window.bottom; ++i) {
                        Vec line{};  // row by row: global pooling adds many terms
                        for (std::int64_t j = window.left; j < window.right; ++j)
                            line += load(px + in.at(n, i, j) + c, part);
                        total += line;
                    }
                    store(py + out.at(n, oh, ow) + c, total * weight, part);
                });
            }
        });
    });
}

void CpuBackend::avg_pool2d_backward(const Tensor& dy, const Tensor& dx, const Pool2dParams& p) {
    with_activation("avg_pool2d_backward", dy.dtype(), [&]<class T>(T) {
        const Extents in(dx), out(dy);
        const T* pdy = dy.data<T>();
        gather_rows<T>(dx, [&](std::int64_t n, std::int64_t row, float* sums) {
            const Reach reach(row, out.h, p.kernel_h, p.stride_h, p.padding.top);
            for (std::int64_t oh = reach.first; oh <= reach.last; ++oh)
                for (std::int64_t ow = 0; ow < out.w; ++ow) {
                    const Window window(oh, ow, in, p);
                    if (window.empty()) continue;
                    const float weight = window.weight(p);
                    for_vectors(0, out.c, [&](std::int64_t c, auto part) {
                        const Vec g = load(pdy + out.at(n, oh, ow) + c, part) * weight;
                        for (std::int64_t j = window.left; j < window.right; ++j) {
                            float* s = sums + j * in.c + c;
                            store(s, load(s, part) + g, part);
                        }
                    });
                }
        });
    });
}

}  // namespace camber::cpu
