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

/// Calls body(integral_constant) with the extent of a square kernel that loops are unrolled for, else with 0.
template <class F>
void with_extent(const Pool2dParams& p, F&& body) {
    if (p.kernel_h == 2 && p.kernel_w == 2) return body(std::integral_constant<int, 2>{});
    if (p.kernel_h == 3 && p.kernel_w == 3) return body(std::integral_constant<int, 3>{});
    body(std::integral_constant<int, 0>{});
}

/// The pixels of a window: its first one, elements between rows and pixels, and where in the image the first one is.
template <class T>
struct Patch {
    const T* first;
    std::int64_t row, pixel;
    std::int32_t rows, columns, here, width;

    Patch(const T* image, const Extents& in, const Window& w)
        : first(image + in.at(0, w.top, w.left)),
          row(in.row_size()),
          pixel(in.c),
          rows(static_cast<std::int32_t>(w.bottom - w.top)),
          columns(static_cast<std::int32_t>(w.right - w.left)),
          here(static_cast<std::int32_t>(w.top * in.w + w.left)),
          width(static_cast<std::int32_t>(in.w)) {}
};

/// The maximum of 16 channels and where in the image it lies (row * width + column; -1 under a window of padding only).
struct Maximum {
    Vec value;
    IntVec position;
};

/// With `extent` the loops are unrolled where all of the window is there.
template <int extent, class T, class Part>
CAMBER_VEC Maximum maximum_of(const Patch<T>& patch, std::int64_t c, Part part) {
    Maximum best{lowest(), IntVec{} - 1};
    if (extent > 0 && patch.rows == extent && patch.columns == extent) {
#pragma GCC unroll 3
        for (int i = 0; i < extent; ++i)
#pragma GCC unroll 3
            for (int j = 0; j < extent; ++j) {
                const Vec v = load(patch.first + i * patch.row + j * patch.pixel + c, part);
                const IntVec position = IntVec{} + (patch.here + i * patch.width + j), larger = exceeds(v, best.value);
                best = i + j == 0 ? Maximum{v, position}
                                  : Maximum{select(larger, v, best.value), larger ? position : best.position};
            }
        return best;
    }
    for (std::int32_t i = 0; i < patch.rows; ++i)
        for (std::int32_t j = 0; j < patch.columns; ++j) {
            const Vec v = load(patch.first + i * patch.row + j * patch.pixel + c, part);
            const IntVec larger = exceeds(v, best.value) | (best.position < 0);
            best.value = select(larger, v, best.value);
            best.position = larger ? IntVec{} + (patch.here + i * patch.width + j) : best.position;
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
template <class T, bool adds, int extent>
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
                const Patch<T> patch(px + in.at(n, 0, 0), in, window);
                const T* from = pdy + out.at(n, oh, ow);
                const std::int64_t pixel = (n * in.h + window.top) * in.w + window.left;
                T* to = pdx + pixel * in.c;
                for_vectors(0, out.c, [=](std::int64_t c, auto part) {
                    const IntVec best = maximum_of<extent>(patch, c, part).position;
                    const Vec g = load(from + c, part);
                    for (std::int32_t i = 0; i < patch.rows; ++i)
                        for (std::int32_t j = 0; j < patch.columns; ++j) {
                            Vec v = select(best == patch.here + i * patch.width + j, g, Vec{});
                            if constexpr (adds) v += addend.at(pixel + i * patch.width + j, c, part);
                            write(to + i * patch.row + j * patch.pixel + c, v, part);
                        }
                });
            }
        });
    });
}

/// Windows that reach each column of the image.
class Columns {
  public:
    Columns(const Extents& in, const Extents& out, const Pool2dParams& p)
        : scratch_(static_cast<std::size_t>(in.w) * sizeof(Reach)) {
        for (std::int64_t j = 0; j < in.w; ++j)
            scratch_.as<Reach>()[j] = Reach(j, out.w, p.kernel_w, p.stride_w, p.padding.left);
    }
    const Reach& operator[](std::int64_t j) const { return scratch_.as<Reach>()[j]; }

  private:
    Scratch scratch_;
};

/// Windows that overlap: a pixel takes what flows into it from those whose maximum it is. Where maxima lie is found
/// once, a row of windows at a time, and held for as many rows as reach a pixel.
template <class T, int extent>
void gather_maxima(const Tensor& x, const Tensor& dy, const ChannelSlice& slice, const Tensor& dx,
                   const Pool2dParams& p) {
    const Extents in(x), out(dy);
    const Addend<T> addend(slice);
    const Columns columns(in, out, p);
    const T *px = x.data<T>(), *pdy = dy.data<T>();
    T* pdx = dx.data<T>();
    const std::int64_t line = round_up(out.row_size(), lanes), held = (p.kernel_h - 1) / p.stride_h + 1;
    const Scratch scratch(static_cast<std::size_t>(omp_get_max_threads() * held * line) * sizeof(float));
    with_store(dx, !in.whole_vectors(), [&](auto write) {
        parallel_ranges(in.rows(), 1, 4 * dx.numel(), [&](std::int64_t begin, std::int64_t end) {
            float* positions = scratch.as<float>() + omp_get_thread_num() * held * line;
            std::int64_t found = 0;  // rows of windows before this one
            for (std::int64_t row = begin; row < end; ++row) {
                const std::int64_t n = row / in.h, i = row % in.h;
                const Reach reach(i, out.h, p.kernel_h, p.stride_h, p.padding.top);
                const std::int64_t first = n * out.h + reach.first, last = n * out.h + reach.last;
                for (std::int64_t o = std::max(found, first); o <= last; found = ++o)
                    for (std::int64_t ow = 0; ow < out.w; ++ow) {
                        const Patch<T> patch(px + in.at(n, 0, 0), in, Window(o - n * out.h, ow, in, p));
                        float* to = positions + o % held * line + ow * out.c;
                        for_vectors(0, out.c, [=](std::int64_t c, auto part) {
                            store(to + c, (Vec)maximum_of<extent>(patch, c, part).position, part);
                        });
                    }
                const std::int64_t first_held = first % held;
                for (std::int64_t j = 0; j < in.w; ++j) {
                    const Reach across = columns[j];
                    const auto here = static_cast<std::int32_t>(i * in.w + j);
                    const std::int64_t pixel = row * in.w + j, channels = in.c, width = out.w;
                    for_vectors(0, channels, [=](std::int64_t c, auto part) {
                        Vec sum = addend.first ? addend.at(pixel, c, part) : Vec{};
                        for (std::int64_t o = first, place = first_held; o <= last; ++o) {
                            const float* found_here = positions + place * line + c;
                            const T* gradient = pdy + o * width * channels + c;
                            for (std::int64_t ow = across.first; ow <= across.last; ++ow) {
                                const Vec position = load(found_here + ow * channels, part);
                                sum += select((IntVec)position == here, load(gradient + ow * channels, part), Vec{});
                            }
                            place = place + 1 == held ? 0 : place + 1;
                        }
                        write(pdx + pixel * channels + c, sum, part);
                    });
                }
            }
        });
    });
}

/// Windows that do not overlap: a pixel's gradient is its part of its window's, or 0.
template <class T>
void spread_averages(const Tensor& dy, const Tensor& dx, const Pool2dParams& p) {
    const Extents in(dx), out(dy);
    const Columns columns(in, out, p);
    const T* pdy = dy.data<T>();
    T* pdx = dx.data<T>();
    with_store(dx, !in.whole_vectors(), [&](auto write) {
        parallel_for(in.rows(), in.row_size(), [&](std::int64_t row) {
            const std::int64_t n = row / in.h;
            const Reach reach(row % in.h, out.h, p.kernel_h, p.stride_h, p.padding.top);
            for (std::int64_t j = 0, end = 0; j < in.w; j = end) {  // columns of one window, or of none
                const Reach across = columns[j];
                while (end < in.w && columns[end].first == across.first && columns[end].last == across.last) ++end;
                const bool covered = reach.first <= reach.last && across.first <= across.last;
                const float weight = covered ? Window(reach.first, across.first, in, p).weight(p) : 0.f;
                const T* from = covered ? pdy + out.at(n, reach.first, across.first) : nullptr;
                for (std::int64_t k = j; k < end; ++k) {
                    T* to = pdx + (row * in.w + k) * in.c;
                    for_vectors(0, in.c, [=](std::int64_t c, auto part) {
                        write(to + c, from ? Vec{} + load(from + c, part) * weight : Vec{}, part);
                    });
                }
            }
        });
    });
}

}  // namespace

void CpuBackend::max_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) {
    with_activation("max_pool2d", x.dtype(), [&]<class T>(T) {
        const Extents in(x), out(y);
        const T* px = x.data<T>();
        T* py = y.data<T>();
        with_extent(p, [&](auto extent) {
            with_store(y, !out.whole_vectors(), [&](auto write) {
                parallel_for(out.rows(), out.row_size() * 4, [&](std::int64_t row) {
                    const std::int64_t n = row / out.h, oh = row % out.h;
                    for (std::int64_t ow = 0; ow < out.w; ++ow) {
                        const Patch<T> patch(px + in.at(n, 0, 0), in, Window(oh, ow, in, p));
                        T* to = py + out.at(n, oh, ow);
                        for_vectors(0, out.c, [=](std::int64_t c, auto part) {
                            write(to + c, maximum_of<extent()>(patch, c, part).value, part);
                        });
                    }
                });
            });
        });
    });
}

void CpuBackend::max_pool2d_backward(const Tensor& x, const Tensor&, const Tensor& dy, const ChannelSlice& addend,
                                     const Tensor& dx, const Pool2dParams& p) {
    with_activation("max_pool2d_backward", x.dtype(), [&]<class T>(T) {
        with_extent(p, [&](auto extent) {
            if (p.kernel_h <= p.stride_h && p.kernel_w <= p.stride_w) {
                (addend ? scatter_maxima<T, true, extent()> : scatter_maxima<T, false, extent()>)(x, dy, addend, dx, p);
            } else {
                gather_maxima<T, extent()>(x, dy, addend, dx, p);
            }
        });
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
                for_groups(0, out.c, [&](std::int64_t c, auto part, auto vectors) {
                    Vec total[vectors()] = {};
                    for (std::int64_t i = window.top; i < window.bottom; ++i) {
                        Vec line[vectors()] = {};  // row by row: global pooling adds many terms
                        for (std::int64_t j = window.left; j < window.right; ++j)
                            for (int v = 0; v < vectors; ++v) {
                                const T* from = px + in.at(n, i, j) + c + v * lanes;
                                fetch_ahead(from);
                                line[v] += load(from, part);
                            }
                        for (int v = 0; v < vectors; ++v) total[v] += line[v];
                    }
                    for (int v = 0; v < vectors; ++v)
                        store(py + out.at(n, oh, ow) + c + v * lanes, total[v] * weight, part);
                });
            }
        });
    });
}

void CpuBackend::avg_pool2d_backward(const Tensor& dy, const Tensor& dx, const Pool2dParams& p) {
    with_activation("avg_pool2d_backward", dy.dtype(), [&]<class T>(T) {
        if (p.kernel_h <= p.stride_h && p.kernel_w <= p.stride_w) return spread_averages<T>(dy, dx, p);
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
