#include <array>

#include "backend/cpu/conv.h"
#include "backend/cpu/parallel.h"

/// Convolutions without a library: every output pixel gathers, tap by tap, from the input pixels it sees. A block of
/// pixels by up to 64 channels is kept in registers; weights are packed once a call to [tap][input channel][output
/// channel], padded to whole vectors.
namespace camber::cpu {
namespace {

constexpr int block_pixels = 6;
constexpr int max_vectors = 4;  // of channels
constexpr int block_rows = 6;   // of a filter gradient's output channels

/// Calls f with the constant 1, 2, 3 or 4 that `vectors` is.
template <class F>
void with_vectors(int vectors, F&& f) {
    if (vectors == 1) f(std::integral_constant<int, 1>{});
    if (vectors == 2) f(std::integral_constant<int, 2>{});
    if (vectors == 3) f(std::integral_constant<int, 3>{});
    if (vectors == 4) f(std::integral_constant<int, 4>{});
}

/// Calls f(vector, All or First) for the vectors of the first `channels` channels.
template <int V, class F>
CAMBER_VEC void for_channels(int channels, F&& f) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
        const int left = channels - v * lanes;
        if (left >= lanes) {
            f(v, All{});
        } else {
            f(v, First{left});
        }
    }
}

/// A tap and the input pixels that the pixels of a block see through it; those outside the image read as zeros.
template <class T>
struct Source {
    std::int64_t tap;
    std::array<const T*, block_pixels> pixels;
};

/// targets[p][0 .. 16 * V) = bias + sum over taps and input channels.
template <int V, class T>
void gather_block(const Source<T>* sources, int taps, int depth, const float* weights, std::int64_t pitch,
                  const float* bias, const std::array<T*, block_pixels>& targets, int pixels, int channels) {
    Vec sum[block_pixels][V];
    for (auto& row : sum)
        for (int v = 0; v < V; ++v) row[v] = load(bias + v * lanes);
    for (const Source<T>* source = sources; source < sources + taps; ++source) {
        const float* w = weights + source->tap * depth * pitch;
        for (int c = 0; c < depth; ++c, w += pitch) {
            Vec factor[V];
#pragma GCC unroll 4
            for (int v = 0; v < V; ++v) factor[v] = load(w + v * lanes);
#pragma GCC unroll 6
            for (std::size_t p = 0; p < block_pixels; ++p) {
                const Vec value = splat(static_cast<float>(source->pixels[p][c]));
#pragma GCC unroll 4
                for (int v = 0; v < V; ++v) sum[p][v] = fma(value, factor[v], sum[p][v]);
            }
        }
    }
    for (std::size_t p = 0; p < static_cast<std::size_t>(pixels); ++p)
        for_channels<V>(channels, [&](int v, auto part) { store(targets[p] + v * lanes, sum[p][v], part); });
}

/// One axis of the map from output to input positions.
struct Axis {
    int in, stride, dilation, pad;
    bool transposed;

    /// The input that a tap of an output position sees; -1: none.
    int source(int out, int tap) const {
        const int position = transposed ? out + pad - tap * dilation : out * stride + tap * dilation - pad;
        const int scale = transposed ? stride : 1;
        return position >= 0 && position % scale == 0 && position / scale < in ? position / scale : -1;
    }
};

/// y [n, rows, columns, width] from x [n, vertical.in, horizontal.in, depth] and packed weights.
template <class T>
void gather(const Tensor& x, const Tensor& y, const float* weights, std::int64_t pitch, const float* bias,
            const Axis& vertical, const Axis& horizontal, int kh, int kw) {
    const int rows = static_cast<int>(y.dim(1)), columns = static_cast<int>(y.dim(2));
    const int depth = static_cast<int>(x.dim(3)), width = static_cast<int>(y.dim(3));
    const T* from = x.data<T>();
    T* to = y.data<T>();
    const Scratch zeros(static_cast<std::size_t>(depth) * sizeof(T));
    std::memset(zeros.as<void>(), 0, static_cast<std::size_t>(depth) * sizeof(T));
    const Scratch tables(static_cast<std::size_t>(omp_get_max_threads() * kh * kw) * sizeof(Source<T>));
    // Pixels whose columns are equal modulo the stride see through the same taps, so these make up a block.
    const int step = horizontal.transposed ? horizontal.stride : 1;
    parallel_for(y.dim(0) * rows, std::int64_t{columns} * width * kh * kw * depth, [&](std::int64_t line) {
        const std::int64_t n = line / rows;
        const int row = static_cast<int>(line % rows);
        auto* sources = tables.as<Source<T>>() + omp_get_thread_num() * kh * kw;
        const auto block = [&](int begin) {
            const int pixels = std::min(block_pixels, (columns - begin + step - 1) / step);
            int taps = 0;  // those that any pixel of the block sees anything through
            for (int i = 0; i < kh; ++i) {
                const int r = vertical.source(row, i);
                for (int j = 0; j < kw && r >= 0; ++j) {
                    Source<T>& source = sources[taps];
                    source.tap = i * kw + j;
                    bool any = false;
                    for (int p = 0; p < block_pixels; ++p) {
                        const int c = p < pixels ? horizontal.source(begin + p * step, j) : -1;
                        source.pixels[static_cast<std::size_t>(p)] =
                            c < 0 ? zeros.as<T>() : from + ((n * vertical.in + r) * horizontal.in + c) * depth;
                        any |= c >= 0;
                    }
                    taps += any;
                }
            }
            for (int first = 0; first < width; first += max_vectors * lanes) {
                std::array<T*, block_pixels> targets{};
                for (int p = 0; p < pixels; ++p)
                    targets[static_cast<std::size_t>(p)] = to + (line * columns + begin + p * step) * width + first;
                with_vectors(std::min(max_vectors, (width - first + lanes - 1) / lanes), [&](auto v) {
                    gather_block<v()>(sources, taps, depth, weights + first, pitch, bias + first, targets, pixels,
                                      width - first);
                });
            }
        };
        for (int phase = 0; phase < std::min(step, columns); ++phase)
            for (int begin = phase; begin < columns; begin += step * block_pixels) block(begin);
    });
}

/// Channels padded to whole vectors.
std::int64_t padded(std::int64_t channels) { return round_up(channels, lanes); }

/// bias, or zeros, padded to whole vectors.
void pack_bias(const Tensor& bias, std::int64_t channels, float* packed) {
    std::fill_n(packed, padded(channels), 0.f);
    if (bias) std::copy_n(bias.data<float>(), channels, packed);
}

/// dw [rows 0 .. block_rows) of output channels, one tap, 16 * V input channels] += sum over an output row's pixels.
template <int V, class T>
void filter_block(const T* x, std::int64_t x_step, const T* dy, std::int64_t dy_step, int pixels, int rows, float* dw,
                  std::int64_t dw_pitch, int channels) {
    Vec sum[block_rows][V] = {};
    for (int p = 0; p < pixels; ++p, x += x_step, dy += dy_step) {
        Vec value[V];
        for_channels<V>(channels, [&](int v, auto part) { value[v] = load(x + v * lanes, part); });
#pragma GCC unroll 6
        for (int k = 0; k < block_rows; ++k) {
            const Vec gradient = splat(static_cast<float>(dy[std::min(k, rows - 1)]));
#pragma GCC unroll 4
            for (int v = 0; v < V; ++v) sum[k][v] = fma(gradient, value[v], sum[k][v]);
        }
    }
    for (int k = 0; k < rows; ++k)
        for_channels<V>(channels, [&](int v, auto part) {
            float* target = dw + k * dw_pitch + v * lanes;
            store(target, load(target, part) + sum[k][v], part);
        });
}

}  // namespace

void plain_forward(const ConvShape& s, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y) {
    const std::int64_t pitch = padded(s.cout), taps = s.kh * s.kw;
    const Scratch scratch(static_cast<std::size_t>((taps * s.cin + 1) * pitch) * sizeof(float));
    float *packed_bias = scratch.as<float>(), *weights = packed_bias + pitch;
    pack_bias(bias, s.cout, packed_bias);
    const float* from = w.data<float>();
    parallel_for(taps * s.cin, pitch, [=](std::int64_t i) {
        for (std::int64_t c = 0; c < pitch; ++c) weights[i * pitch + c] = c < s.cout ? from[c * taps * s.cin + i] : 0.f;
    });
    const Axis vertical{s.h, s.stride_h, s.dilation_h, s.padding.top, false};
    const Axis horizontal{s.w, s.stride_w, s.dilation_w, s.padding.left, false};
    with_activation("conv2d", s.dtype, [&]<class T>(T) {
        gather<T>(x, y, weights, pitch, packed_bias, vertical, horizontal, s.kh, s.kw);
    });
}

void plain_backward_data(const ConvShape& s, const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx) {
    const std::int64_t pitch = padded(s.cin), taps = s.kh * s.kw;
    const Scratch scratch(static_cast<std::size_t>((taps * s.cout + 1) * pitch) * sizeof(float));
    float *packed_bias = scratch.as<float>(), *weights = packed_bias + pitch;
    pack_bias(bias, s.cin, packed_bias);
    const float* from = w.data<float>();
    parallel_for(taps * s.cout, pitch, [=](std::int64_t i) {
        const float* source = from + (i % s.cout * taps + i / s.cout) * s.cin;
        std::copy_n(source, s.cin, weights + i * pitch);
        std::fill(weights + i * pitch + s.cin, weights + (i + 1) * pitch, 0.f);
    });
    const Axis vertical{s.ho, s.stride_h, s.dilation_h, s.padding.top, true};
    const Axis horizontal{s.wo, s.stride_w, s.dilation_w, s.padding.left, true};
    with_activation("conv2d_backward_data", s.dtype, [&]<class T>(T) {
        gather<T>(dy, dx, weights, pitch, packed_bias, vertical, horizontal, s.kh, s.kw);
    });
}

void plain_backward_filter(const ConvShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw) {
    with_activation("conv2d_backward_filter", s.dtype, [&]<class T>(T) {
        const T *px = x.data<T>(), *pdy = dy.data<T>();
        float* pdw = dw.data<float>();
        const std::int64_t taps = s.kh * s.kw, groups = (s.cout + block_rows - 1) / block_rows;
        // A thread owns some output channels of some taps and sees all pixels: no partial sums to merge.
        parallel_for(groups * taps, dy.numel() * s.cin, [=](std::int64_t task) {
            const int tap = static_cast<int>(task % taps), i = tap / s.kw, j = tap % s.kw;
            const int first = static_cast<int>(task / taps) * block_rows, rows = std::min(block_rows, s.cout - first);
            float* target = pdw + (first * taps + tap) * s.cin;
            for (int k = 0; k < rows; ++k) std::fill_n(target + k * taps * s.cin, s.cin, 0.f);
            // Output columns that see the image through this tap: [begin, end).
            const int offset = j * s.dilation_w - s.padding.left;
            const int begin = offset < 0 ? (-offset + s.stride_w - 1) / s.stride_w : 0;
            const int end = std::min(s.wo, s.w - 1 >= offset ? (s.w - 1 - offset) / s.stride_w + 1 : 0);
            if (begin >= end) return;
            for (std::int64_t line = 0; line < std::int64_t{s.n} * s.ho; ++line) {
                const std::int64_t row = line % s.ho * s.stride_h + i * s.dilation_h - s.padding.top;
                if (row < 0 || row >= s.h) continue;
                const T* pixel = px + ((line / s.ho * s.h + row) * s.w + begin * s.stride_w + offset) * s.cin;
                const T* gradient = pdy + (line * s.wo + begin) * s.cout + first;
                for (int c = 0; c < s.cin; c += max_vectors * lanes)
                    with_vectors(std::min(max_vectors, (s.cin - c + lanes - 1) / lanes), [&](auto v) {
                        filter_block<v()>(pixel + c, std::int64_t{s.stride_w} * s.cin, gradient, s.cout, end - begin,
                                          rows, target + c, taps * s.cin, s.cin - c);
                    });
            }
        });
    });
}

}  // namespace camber::cpu
