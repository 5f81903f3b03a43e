#pragma once
#include <camber/philox.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

/// The arithmetic of one augmented pixel, for every backend and the loader. constexpr, so that kernels can call it.
///
/// To give the same bits everywhere: f32 and integers only; only +, -, *, / as IEEE 754 rounds them, floor, comparisons
/// and conversions, no fused multiply-add, no function of the mathematics library: what needs one is worked out by the
/// host, as tables or constants of Sampling. Host sources that use it are compiled without contraction; a kernel passes
/// an Arithmetic whose operations are the round-to-nearest intrinsics, which are never fused.
///
/// `all` = false leaves out what AugmentNeeds::all speaks of, which keeps the usual kernel small.
///
/// A picture is sampled once, by whatever moves its pixels; then come local filters (blur, emboss, edges, sharpening),
/// colour, the tone curve, noise, normalisation.
namespace camber::pixel {

struct PlainArithmetic {
    static constexpr float mul(float a, float b) { return a * b; }
    static constexpr float add(float a, float b) { return a + b; }
    static constexpr float sub(float a, float b) { return a - b; }
    static constexpr float div(float a, float b) { return a / b; }
};

/// Where output pixels fall along one source axis: output o, tap k of `taps` is at (o + (k + 0.5) * inv_taps) * step +
/// begin in source pixels, pixel i covering [i, i + 1).
struct Axis {
    float begin, step, inv_taps;
    int taps;
    int size;         ///< of the source
    int nearest;      ///< 1: a tap is the pixel it falls in, else bilinear
    float low, span;  ///< of reflection, which maps every place to one in [low, low + span]
    float tiles;      ///< Equalisation's tiles a pixel
};

/// A neighbourhood of height x width weights, row by row, both odd, that every channel but alpha is summed over.
struct Local {
    int height, width;
    float weights[9];
    int mirrored;  ///< beyond the output its pixels come back, the last but one first; 0: its border repeats
    int clipped;   ///< 1: sums are brought back to [0, 1]
};
constexpr int most_locals = 5;

struct Rectangle {
    int top, left, bottom, right;  ///< of the output's pixels, the last two exclusive
};
constexpr int most_rectangles = 4;

constexpr int curve_steps = 256;

/// Contrast-limited adaptive histogram equalisation: 8 x 8 tables of 256 bytes, one a tile of the source.
constexpr int tiles_a_side = 8;
constexpr std::size_t equalisation_bytes = std::size_t{tiles_a_side} * tiles_a_side * 256;

/// AugmentParams with what is constant over the picture worked out once, on the host.
struct Sampling {
    Axis x, y;
    int flip, flip_vertical;
    int out_width, out_height;
    float inv_samples;  ///< 1 / (taps_x * taps_y)
    int warped;         ///< 1: `matrix` says where pixels fall, not the axes' begin and step
    int reflected;      ///< with `warped`, 1: beyond the frame the picture is mirrored, labels with it
    float matrix[9];    ///< row by row: from the output's pixels to the source's, homogeneous
    int locals;         ///< that are applied, one after another
    Local local[most_locals];
    float gain, mix, offset;
    int extras;  ///< 0: neither hue, curve, noise nor rectangles
    int hued, curved;
    float hue[9];                  ///< row by row: RGB to RGB
    float curve[curve_steps + 1];  ///< of values from 0 to 1
    float noise;                   ///< its standard deviation
    std::uint32_t noise_key[2];
    int rectangles;
    Rectangle rectangle[most_rectangles];  ///< cut out
    float mean[4], inv_std[4];             ///< of the network's channels
    float outside[4];                      ///< what is written beyond the frame
};

/// What is sampled: an interleaved picture of u8 and, unless null, its equalisation's tables.
struct Source {
    const std::uint8_t* picture;
    const std::uint8_t* tables;
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
constexpr int clamped(int i, int size) { return i < 0 ? 0 : i >= size ? size - 1 : i; }
constexpr float unit(float x) { return x < 0 ? 0.0f : x > 1 ? 1.0f : x; }

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
constexpr Neighbours neighbours_at(const Axis& axis, float place) {
    if (axis.nearest) {
        const int i = clamped(floor_to_int(place), axis.size);
        return {i, i, 0};
    }
    const float position = A::sub(place, 0.5f);
    const int i = floor_to_int(position);
    return {clamped(i, axis.size), clamped(i + 1, axis.size), A::sub(position, static_cast<float>(i))};
}

template <class A>
constexpr Neighbours neighbours(const Axis& axis, int out, int tap) {
    return neighbours_at<A>(axis, source_position<A>(axis, out, tap));
}

template <class A>
constexpr float lerp(float a, float b, float share) {
    return A::add(a, A::mul(A::sub(b, a), share));
}

struct Place {
    float x, y;
};

/// Where a place of the output, pixel i covering [i, i + 1), is in the source.
template <class A>
constexpr Place warp(const Sampling& s, float x, float y) {
    const auto sum = [&](int k) {
        return A::add(A::add(A::mul(s.matrix[k], x), A::mul(s.matrix[k + 1], y)), s.matrix[k + 2]);
    };
    const float w = sum(6);
    return {A::div(sum(0), w), A::div(sum(3), w)};
}

/// PyTorch's reflect_coordinates (grid_sample), of places of which none is too far away for an int.
template <class A>
constexpr float reflected(const Axis& axis, float place) {
    if (!(axis.span > 0)) return axis.low;
    float x = A::sub(place, axis.low);
    x = x < 0 ? -x : x;
    if (x <= axis.span) return A::add(x, axis.low);
    constexpr float far = 1e6f;
    x = x < far ? x : far;  // not a number, too
    const int turns = floor_to_int(A::div(x, axis.span));
    const float rest = A::sub(x, A::mul(static_cast<float>(turns), axis.span));
    return A::add(turns % 2 == 0 ? rest : A::sub(axis.span, rest), axis.low);
}

/// As nearest(), of a place.
template <class A>
constexpr int nearest_at(const Sampling& s, const Axis& axis, float place) {
    if (s.reflected) return clamped(floor_to_int(reflected<A>(axis, place)), axis.size);
    return place >= 0 && place < static_cast<float>(axis.size) ? floor_to_int(place) : -1;
}

/// The index of the source pixel whose label an output pixel has, or -1 outside.
template <class A, bool all = true>
constexpr std::int64_t label_at(const Sampling& s, int row, int column) {
    int y = 0, x = 0;
    if (all && s.warped) {
        const Place at = warp<A>(s, A::add(static_cast<float>(column), 0.5f), A::add(static_cast<float>(row), 0.5f));
        y = nearest_at<A>(s, s.y, at.y), x = nearest_at<A>(s, s.x, at.x);
    } else {
        y = nearest<A>(s.y, row), x = nearest<A>(s.x, column);
    }
    return y < 0 || x < 0 ? -1 : std::int64_t{y} * s.x.size + x;
}

/// Of a place that may be anywhere.
template <class A>
constexpr Neighbours neighbours_anywhere(const Sampling& s, const Axis& axis, float place) {
    if (s.reflected) return neighbours_at<A>(axis, reflected<A>(axis, place));
    const float last = static_cast<float>(axis.size) + 1;
    return neighbours_at<A>(axis, place > -1 ? place < last ? place : last : -1);
}

/// The luma of a pixel whose channels are bytes, after Rec. 601, as a byte.
template <int C>
constexpr int luma_byte(const std::uint8_t* p) {
    if constexpr (C == 1) return p[0];
    return (77 * p[0] + 150 * p[1] + 29 * p[2] + 128) >> 8;
}

/// What the tables of the tiles around a pixel make of its luma.
template <class A>
constexpr float equalised(const Sampling& s, const std::uint8_t* tables, int y, int x, int luma) {
    const auto tiles = [](const Axis& axis, int i) {
        const float position = A::sub(A::mul(static_cast<float>(i), axis.tiles), 0.5f);
        const int tile = floor_to_int(position);
        return Neighbours{clamped(tile, tiles_a_side), clamped(tile + 1, tiles_a_side),
                          A::sub(position, static_cast<float>(tile))};
    };
    const Neighbours rows = tiles(s.y, y), columns = tiles(s.x, x);
    const auto table = [&](int row, int column) {
        return static_cast<float>(tables[(row * tiles_a_side + column) * 256 + luma]);
    };
    return lerp<A>(lerp<A>(table(rows.first, columns.first), table(rows.first, columns.second), columns.share),
                   lerp<A>(table(rows.second, columns.first), table(rows.second, columns.second), columns.share),
                   rows.share);
}

/// A source pixel's C channels, 0 to 255. Equalisation changes the luma alone.
template <int C, class A, bool all>
constexpr void fetch(const Sampling& s, const Source& source, int y, int x, float* v) {
    const std::uint8_t* p =
        source.picture +
        (static_cast<std::size_t>(y) * static_cast<std::size_t>(s.x.size) + static_cast<std::size_t>(x)) * C;
    for (int c = 0; c < C; ++c) v[c] = static_cast<float>(p[c]);
    if (!all || !source.tables) return;
    const int luma = luma_byte<C>(p);
    const float shift = A::sub(equalised<A>(s, source.tables, y, x, luma), static_cast<float>(luma));
    for (int c = 0; c < C && c < 3; ++c) {
        const float x255 = A::add(v[c], shift);
        v[c] = x255 < 0 ? 0.0f : x255 > 255 ? 255.0f : x255;
    }
}

/// The picture at an output pixel, in [0, 1]. Beyond the frame its border repeats, where it is not reflected.
template <int C, class A, bool all = true>
constexpr void sample(const Sampling& s, const Source& source, int row, int column, float* v) {
    float sum[C] = {};
    for (int j = 0; j < s.y.taps; ++j) {
        for (int i = 0; i < s.x.taps; ++i) {
            Neighbours rows{}, columns{};
            if (all && s.warped) {
                const float x = A::mul(A::add(static_cast<float>(i), 0.5f), s.x.inv_taps),
                            y = A::mul(A::add(static_cast<float>(j), 0.5f), s.y.inv_taps);
                const Place at = warp<A>(s, A::add(static_cast<float>(column), x), A::add(static_cast<float>(row), y));
                rows = neighbours_anywhere<A>(s, s.y, at.y), columns = neighbours_anywhere<A>(s, s.x, at.x);
            } else {
                rows = neighbours<A>(s.y, row, j), columns = neighbours<A>(s.x, column, i);
            }
            float a[C] = {}, b[C] = {}, c[C] = {}, d[C] = {};
            fetch<C, A, all>(s, source, rows.first, columns.first, a);
            fetch<C, A, all>(s, source, rows.first, columns.second, b);
            fetch<C, A, all>(s, source, rows.second, columns.first, c);
            fetch<C, A, all>(s, source, rows.second, columns.second, d);
            for (int k = 0; k < C; ++k)
                sum[k] = A::add(sum[k], lerp<A>(lerp<A>(a[k], b[k], columns.share), lerp<A>(c[k], d[k], columns.share),
                                                rows.share));
        }
    }
    for (int c = 0; c < C; ++c) v[c] = A::mul(A::mul(sum[c], s.inv_samples), 1.0f / 255);
}

constexpr int flipped_column(const Sampling& s, int column) { return s.flip ? s.out_width - 1 - column : column; }
constexpr int flipped_row(const Sampling& s, int row) { return s.flip_vertical ? s.out_height - 1 - row : row; }

/// The pixel of the output that is `step` beside `at`.
constexpr int beside(const Local& local, int at, int step, int size) {
    int i = at + step;
    if (local.mirrored && size > 1) {
        while (i < 0 || i >= size) i = i < 0 ? -i : 2 * (size - 1) - i;
    }
    return clamped(i, size);
}

/// What `local` makes of one pixel, with value(row, column) a pointer to the C values of another.
template <int C, class A, class Values>
constexpr void apply(const Sampling& s, const Local& local, Values value, int row, int column, float* out) {
    float sum[C] = {};
    int k = 0;
    for (int i = 0; i < local.height; ++i) {
        const int y = beside(local, row, i - local.height / 2, s.out_height);
        for (int j = 0; j < local.width; ++j, ++k) {
            const float* w = value(y, beside(local, column, j - local.width / 2, s.out_width));
            for (int c = 0; c < C && c < 3; ++c) sum[c] = A::add(sum[c], A::mul(local.weights[k], w[c]));
        }
    }
    for (int c = 0; c < C; ++c) out[c] = c == 3 ? value(row, column)[c] : local.clipped ? unit(sum[c]) : sum[c];
}

/// A deviate with mean 0 and variance 1: the sum of eight uniform ones (Irwin and Hall 1927), which a normal one
/// differs from by less than 2% of the largest density.
constexpr float deviate(const Sampling& s, std::uint32_t pixel, std::uint32_t channel) {
    const auto words = philox4x32({pixel, channel, 0, 0}, std::uint64_t{s.noise_key[1]} << 32 | s.noise_key[0]);
    int sum = -4 * 65535;
    for (int i = 0; i < 4; ++i) {
        const std::uint32_t word = words[static_cast<std::size_t>(i)];
        sum += static_cast<int>(word & 65535) + static_cast<int>(word >> 16);
    }
    return static_cast<float>(sum) * 1.8688024e-5f;  // 1 / (65536 * sqrt(8 / 12))
}

/// Hue, jitter, curve and noise of all but alpha, on samples in [0, 1], then normalisation; writes C values.
template <int C, class A, bool all = true>
constexpr void finish(const Sampling& s, const float* samples, int row, int column, float* out) {
    float v[C] = {};
    for (int c = 0; c < C; ++c) v[c] = samples[c];
    if constexpr (C > 1) {
        if (all && s.hued) {
            for (int c = 0; c < 3; ++c) {
                const float* m = s.hue + 3 * c;
                v[c] = A::add(A::add(A::mul(m[0], samples[0]), A::mul(m[1], samples[1])), A::mul(m[2], samples[2]));
            }
        }
    }
    float grey = v[0];
    if constexpr (C > 1) grey = A::add(A::add(A::mul(v[0], 0.299f), A::mul(v[1], 0.587f)), A::mul(v[2], 0.114f));
    const float shift = A::add(A::mul(grey, s.mix), s.offset);
    for (int c = 0; c < C; ++c) {
        float x = unit(c < 3 ? A::add(A::mul(v[c], s.gain), shift) : v[c]);
        if (all && c < 3 && s.curved) {
            const float at = A::mul(x, static_cast<float>(curve_steps));
            const int step = clamped(static_cast<int>(at), curve_steps);
            x = lerp<A>(s.curve[step], s.curve[step + 1], A::sub(at, static_cast<float>(step)));
        }
        if (all && c < 3 && s.noise > 0) {
            const auto pixel = static_cast<std::uint32_t>(row * s.out_width + column);
            x = unit(A::add(x, A::mul(s.noise, deviate(s, pixel, static_cast<std::uint32_t>(c)))));
        }
        out[c] = A::mul(A::sub(x, s.mean[c]), s.inv_std[c]);
    }
}

constexpr bool cut_out(const Sampling& s, int row, int column) {
    for (int i = 0; i < s.rectangles; ++i) {
        const Rectangle& r = s.rectangle[i];
        if (row >= r.top && row < r.bottom && column >= r.left && column < r.right) return true;
    }
    return false;
}

/// The label of an output pixel; whether it shows a part of the frame. Without `ids` its label is `void_id`; without
/// `out_id` it has none.
template <class A, bool all = true>
constexpr bool label(const Sampling& s, const std::uint8_t* ids, int void_id, int row, int column,
                     std::uint8_t* out_id) {
    const std::int64_t at = label_at<A, all>(s, flipped_row(s, row), flipped_column(s, column));
    if (out_id)
        *out_id = at < 0 || !ids || (all && cut_out(s, row, column)) ? static_cast<std::uint8_t>(void_id) : ids[at];
    return at >= 0;
}

/// What is written of a pixel whose samples, filtered, are `v`; not looked at where it shows nothing of the frame.
template <int C, class A, bool all = true>
constexpr void write(const Sampling& s, const float* v, bool inside, int row, int column, float* out) {
    if (inside && !(all && cut_out(s, row, column))) return finish<C, A, all>(s, v, row, column, out);
    for (int c = 0; c < C; ++c) out[c] = inside ? 0.0f : s.outside[c];
}

/// The whole of one output pixel where s.locals is 0.
template <int C, class A, bool all = true>
constexpr void augment_pixel(const Sampling& s, const Source& source, const std::uint8_t* ids, int void_id, int row,
                             int column, float* out, std::uint8_t* out_id) {
    const bool inside = label<A, all>(s, ids, void_id, row, column, out_id);
    float v[C] = {};
    if (inside) sample<C, A, all>(s, source, flipped_row(s, row), flipped_column(s, column), v);
    write<C, A, all>(s, v, inside, row, column, out);
}

/// A whole output picture. `room` and `more` hold out_height * out_width * C floats each.
template <int C, class A>
void augment_picture(const Sampling& s, const Source& source, const std::uint8_t* ids, int void_id, float* room,
                     float* more, float* out, std::uint8_t* out_ids) {
    const auto index = [&](int y, int x) {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(s.out_width) + static_cast<std::size_t>(x);
    };
    const auto each = [&](auto f) {
        for (int y = 0; y < s.out_height; ++y)
            for (int x = 0; x < s.out_width; ++x) f(y, x, index(y, x));
    };
    each([&](int y, int x, std::size_t at) {
        sample<C, A>(s, source, flipped_row(s, y), flipped_column(s, x), room + at * C);
    });
    for (int i = 0; i < s.locals; ++i) {
        each([&](int y, int x, std::size_t at) {
            apply<C, A>(
                s, s.local[i], [&](int row, int column) { return room + index(row, column) * C; }, y, x, more + at * C);
        });
        float* const swapped = room;
        room = more, more = swapped;
    }
    each([&](int y, int x, std::size_t at) {
        const bool inside = label<A>(s, ids, void_id, y, x, out_ids ? out_ids + at : nullptr);
        write<C, A>(s, room + at * C, inside, y, x, out + at * C);
    });
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
    std::int64_t image_offset;       ///< of its picture in the source, in bytes
    std::int64_t label_offset;       ///< of its label map, which has the picture's size; -1: none, all is void
    std::int64_t table_offset = -1;  ///< of its equalisation's tables; -1: it is not equalised

    constexpr pixel::Source source(const std::uint8_t* bytes) const {
        return {bytes + image_offset, table_offset < 0 ? nullptr : bytes + table_offset};
    }
    constexpr const std::uint8_t* labels(const std::uint8_t* bytes) const {
        return label_offset < 0 ? nullptr : bytes + label_offset;
    }
};

/// What the host knows of a batch of samples.
struct AugmentNeeds {
    int locals = 0;    ///< the most of any
    bool all = false;  ///< whether any is warped, equalised, or has Sampling::extras

    void add(const AugmentSample& sample) {
        locals = sample.sampling.locals > locals ? sample.sampling.locals : locals;
        all = all || sample.sampling.warped || sample.table_offset >= 0 || sample.sampling.extras;
    }
};

}  // namespace camber
