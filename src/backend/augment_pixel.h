#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

/// The arithmetic of one augmented pixel, for every backend and the loader. constexpr, so that kernels can call it.
///
/// To give the same bits everywhere: f32 only; only +, -, *, floor, comparisons and conversions, no division, no
/// fused multiply-add. Host sources that use it are compiled without contraction; a kernel passes an Arithmetic whose
/// mul, add and sub are the round-to-nearest intrinsics, which are never fused.
namespace camber::pixel {

struct PlainArithmetic {
    static constexpr float mul(float a, float b) { return a * b; }
    static constexpr float add(float a, float b) { return a + b; }
    static constexpr float sub(float a, float b) { return a - b; }
};

/// Where output pixels fall along one source axis: output o, tap k of `taps` is at (o + (k + 0.5) * inv_taps) * step +
/// begin in source pixels, pixel i covering [i, i + 1).
struct Axis {
    float begin, step, inv_taps;
    int taps;
    int size;  ///< of the source
};

/// AugmentParams with what is constant over the picture worked out once, on the host.
struct Sampling {
    Axis x, y;
    int flip, flip_vertical;
    int out_width, out_height;
    float inv_samples;  ///< 1 / (taps_x * taps_y)
    int filtered;       ///< 0: `filter` changes nothing
    float filter[9];    ///< row by row: weights of a pixel and its neighbours in the output
    float gain, mix, offset;
    float mean[4], inv_std[4];  ///< of the network's channels
};

/// Two neighbouring source pixels and the share of the second.
struct Neighbours {
    int first, second;
    float share;
};

constexpr int floor_to_int(float x) {
    const int i = static_cast<int>(x);
    return static_cast<float>(i) > x ? i - 1 : i;
}

template <class A>
constexpr float source_position(const Axis& axis, int out, int tap) {
    const float within = A::mul(A::add(static_cast<float>(tap), 0.5f), axis.inv_taps);
    return A::add(A::mul(A::add(static_cast<float>(out), within), axis.step), axis.begin);
}

/// The source pixel that holds the centre of an output pixel, or -1 outside. Labels take this one, and the image is
/// outside where this is.
template <class A>
constexpr int nearest(const Axis& axis, int out) {
    const float position = A::add(A::mul(A::add(static_cast<float>(out), 0.5f), axis.step), axis.begin);
    const int i = floor_to_int(position);
    return i >= 0 && i < axis.size ? i : -1;
}

/// Half-pixel centres; beyond the border the border pixel repeats.
template <class A>
constexpr Neighbours neighbours(const Axis& axis, int out, int tap) {
    const float position = A::sub(source_position<A>(axis, out, tap), 0.5f);
    const int i = floor_to_int(position);
    const int last = axis.size - 1;
    const auto clamp = [last](int v) { return v < 0 ? 0 : v > last ? last : v; };
    return {clamp(i), clamp(i + 1), A::sub(position, static_cast<float>(i))};
}

template <class A>
constexpr float lerp(float a, float b, float share) {
    return A::add(a, A::mul(A::sub(b, a), share));
}

/// One bilinear sample of an interleaved u8 picture of `width` pixels a row and C channels: 1 (grey), 3 (RGB) or 4
/// (RGBA).
template <int C, class A>
constexpr float bilinear(const std::uint8_t* picture, int width, Neighbours y, Neighbours x, int channel) {
    const std::uint8_t* upper = picture + static_cast<std::size_t>(y.first) * static_cast<std::size_t>(width) * C;
    const std::uint8_t* lower = picture + static_cast<std::size_t>(y.second) * static_cast<std::size_t>(width) * C;
    const int left = x.first * C + channel, right = x.second * C + channel;
    return lerp<A>(lerp<A>(upper[left], upper[right], x.share), lerp<A>(lower[left], lower[right], x.share), y.share);
}

/// The picture at an output pixel, in [0, 1]: `columns` are neighbours() of every tap of its column. Beyond the frame
/// its border repeats.
template <int C, class A, class Columns>
constexpr void sample(const Sampling& s, const std::uint8_t* picture, int row, Columns columns, float* v) {
    float sum[C] = {};
    for (int j = 0; j < s.y.taps; ++j) {
        const Neighbours rows = neighbours<A>(s.y, row, j);
        for (int i = 0; i < s.x.taps; ++i) {
            const Neighbours at = columns(i);
            for (int c = 0; c < C; ++c) sum[c] = A::add(sum[c], bilinear<C, A>(picture, s.x.size, rows, at, c));
        }
    }
    for (int c = 0; c < C; ++c) v[c] = A::mul(A::mul(sum[c], s.inv_samples), 1.0f / 255);
}

/// Takes neighbour k of a filter, in order, into v: v += filter[k] * w. Alpha is not filtered.
template <int C, class A>
constexpr void accumulate(const float* filter, int k, const float* w, float* v) {
    for (int c = 0; c < C && c < 3; ++c) v[c] = A::add(v[c], A::mul(filter[k], w[c]));
    if (C == 4 && k == 4) v[C - 1] = w[C - 1];
}

constexpr int flipped_column(const Sampling& s, int column) { return s.flip ? s.out_width - 1 - column : column; }
constexpr int flipped_row(const Sampling& s, int row) { return s.flip_vertical ? s.out_height - 1 - row : row; }
/// Beyond the output its border repeats.
constexpr int neighbour(int at, int step, int size) {
    const int i = at + step;
    return i < 0 ? 0 : i >= size ? size - 1 : i;
}

/// Colour jitter, of all but alpha, on samples in [0, 1], then normalisation; writes C values.
template <int C, class A>
constexpr void finish(const Sampling& s, const float* v, float* out) {
    float grey = v[0];
    if constexpr (C > 1) grey = A::add(A::add(A::mul(v[0], 0.299f), A::mul(v[1], 0.587f)), A::mul(v[2], 0.114f));
    const float shift = A::add(A::mul(grey, s.mix), s.offset);
    for (int c = 0; c < C; ++c) {
        float x = c < 3 ? A::add(A::mul(v[c], s.gain), shift) : v[c];
        x = x < 0 ? 0.0f : x > 1 ? 1.0f : x;
        out[c] = A::mul(A::sub(x, s.mean[c]), s.inv_std[c]);
    }
}

/// The whole of one output pixel. Without `ids` its label is `void_id`; without `out_id` it has none.
template <int C, class A>
constexpr void augment_pixel(const Sampling& s, const std::uint8_t* picture, const std::uint8_t* ids, int void_id,
                             int row, int column, float* out, std::uint8_t* out_id) {
    const int y = nearest<A>(s.y, flipped_row(s, row)), x = nearest<A>(s.x, flipped_column(s, column));
    if (y < 0 || x < 0) {
        for (int c = 0; c < C; ++c) out[c] = 0;
        if (out_id) *out_id = static_cast<std::uint8_t>(void_id);
        return;
    }
    float v[C] = {};
    for (int k = 0; k < 9; ++k) {
        if (!s.filtered && k != 4) continue;
        const int at_row = flipped_row(s, neighbour(row, k / 3 - 1, s.out_height));
        const int at_column = flipped_column(s, neighbour(column, k % 3 - 1, s.out_width));
        float w[C] = {};
        sample<C, A>(
            s, picture, at_row, [&](int tap) { return neighbours<A>(s.x, at_column, tap); }, s.filtered ? w : v);
        if (s.filtered) accumulate<C, A>(s.filter, k, w, v);
    }
    finish<C, A>(s, v, out);
    if (out_id) {
        const std::size_t at = static_cast<std::size_t>(y) * static_cast<std::size_t>(s.x.size);
        *out_id = ids ? ids[at + static_cast<std::size_t>(x)] : static_cast<std::uint8_t>(void_id);
    }
}

}  // namespace camber::pixel

namespace camber {

/// Calls f with std::integral_constant<int, C> for pictures of C channels, which are 1, 3 or 4.
template <class F>
void with_channels_of(std::int64_t channels, F f) {
    if (channels == 1) return f(std::integral_constant<int, 1>());
    if (channels == 4) return f(std::integral_constant<int, 4>());
    f(std::integral_constant<int, 3>());
}

/// One image of a batch that Backend::augment makes: plain data, read by the device.
struct AugmentSample {
    pixel::Sampling sampling;
    std::int64_t image_offset;  ///< of its picture in the source, in bytes
    std::int64_t label_offset;  ///< of its label map, which has the picture's size; -1: none, all is void
};

}  // namespace camber
