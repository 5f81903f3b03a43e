// No fused multiply-adds in this file, whatever the machine it is compiled for: augment_pixel.h promises the same bits
// as a kernel.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "backend/augment_rows.h"

#include <algorithm>
#include <cstring>

namespace camber {
namespace {

using Arithmetic = pixel::PlainArithmetic;

/// The channels of a pixel; lanes past those are its neighbour's, or anything, and nobody looks at them.
using Lanes = float __attribute__((vector_size(16)));
using Bytes = std::uint8_t __attribute__((vector_size(4)));

constexpr std::size_t lanes = 4;

Lanes all(float x) { return Lanes{x, x, x, x}; }
Lanes load(const float* from) {
    Lanes lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
}
Lanes load(const std::uint8_t* from) {
    Bytes bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    return __builtin_convertvector(bytes, Lanes);
}
void store(Lanes lanes, float* to) { std::memcpy(to, &lanes, sizeof lanes); }

/// pixel::finish(). Writes four values whatever the channels.
struct Finish {
    Lanes luma, gain, mix, offset, mean, inv_std;

    Finish(const pixel::Sampling& s, std::size_t channels)
        : luma(channels == 1 ? Lanes{1, 0, 0, 0} : Lanes{0.299f, 0.587f, 0.114f, 0}),
          gain{s.gain, s.gain, s.gain, 1},
          mix{s.mix, s.mix, s.mix, 0},
          offset{s.offset, s.offset, s.offset, 0},
          mean(load(s.mean)),
          inv_std(load(s.inv_std)) {}

    void operator()(const float* v, float* out) const {
        const Lanes sample = load(v), weighted = sample * luma;
        const Lanes grey = all(weighted[0]) + all(weighted[1]) + all(weighted[2]);
        Lanes x = sample * gain + (grey * mix + offset);
        x = x < all(0) ? all(0) : x > all(1) ? all(1) : x;
        store((x - mean) * inv_std, out);
    }
};

/// pixel::finish() of a whole row.
void finish_row(const pixel::Sampling& s, std::size_t channels, const float* v, int row, float* out) {
    const auto width = static_cast<std::size_t>(s.out_width);
    if (s.extras) {
        with_channels_of(static_cast<std::int64_t>(channels), [&]<int C>(std::integral_constant<int, C>) {
            for (std::size_t x = 0; x < width; ++x)
                pixel::finish<C, Arithmetic>(s, v + C * x, row, static_cast<int>(x), out + C * x);
        });
        return;
    }
    const Finish finish(s, channels);
    std::size_t x = 0;
    for (; channels * x + lanes <= channels * width; ++x) finish(v + channels * x, out + channels * x);
    for (; x < width; ++x) {
        float last[lanes];
        finish(v + channels * x, last);
        std::copy_n(last, channels, out + channels * x);
    }
}

}  // namespace

AugmentRows::AugmentRows(const pixel::Sampling& sampling, int channels)
    : sampling_(sampling),
      channels_(static_cast<std::size_t>(channels)),
      row_(channels_ * static_cast<std::size_t>(sampling.out_width) + lanes - channels_),  // the last pixel's lanes
      labels_(static_cast<std::size_t>(sampling.out_width)) {
    const pixel::Sampling& s = sampling_;
    end_ = labels_.size();
    if (s.warped) return;
    for (int x = 0; x < s.out_width; ++x) columns_.push_back(pixel::nearest<Arithmetic>(s.x, flipped_column(s, x)));
    for (int i = 0; i < s.x.taps; ++i)
        for (int x = 0; x < s.out_width; ++x)
            column_taps_.push_back(pixel::neighbours<Arithmetic>(s.x, flipped_column(s, x), i));
    if (s.locals) return;  // a filter looks at pixels outside the frame
    while (begin_ < end_ && columns_[begin_] < 0) ++begin_;
    while (begin_ < end_ && columns_[end_ - 1] < 0) --end_;
}

const float* AugmentRows::stretched(const std::uint8_t* picture, int row) {
    Stretched& kept = stretched_[static_cast<std::size_t>(row) % stretched_.size()];
    if (kept.row == row) return kept.values.data();
    const pixel::Sampling& s = sampling_;
    const std::size_t channels = channels_, width = columns_.size(),
                      bytes = channels * static_cast<std::size_t>(s.x.size),
                      behind = bytes * static_cast<std::size_t>(s.y.size - 1 - row);
    const std::uint8_t* source = picture + static_cast<std::size_t>(row) * bytes;
    if (behind < lanes - channels) {  // the last row, and of narrow pictures some before
        last_row_.assign(source, source + bytes);
        last_row_.resize(bytes + lanes);
        source = last_row_.data();
    }
    const auto taps = static_cast<std::size_t>(s.x.taps);
    kept.row = row;
    kept.values.resize(taps * row_.size());
    for (std::size_t i = 0; i < taps; ++i) {
        const pixel::Neighbours* const at = &column_taps_[i * width];
        float* const to = &kept.values[i * row_.size()];
        for (std::size_t x = begin_; x < end_; ++x) {  // in this order: each ends what the one before wrote too much
            const Lanes left = load(source + channels * static_cast<std::size_t>(at[x].first)),
                        right = load(source + channels * static_cast<std::size_t>(at[x].second));
            store(left + (right - left) * all(at[x].share), to + channels * x);
        }
    }
    return kept.values.data();
}

/// Of source row `row`. Pixels outside the frame that no filter looks at are left alone.
void AugmentRows::sample_row(const std::uint8_t* picture, int row, float* v) {
    const pixel::Sampling& s = sampling_;
    const std::size_t begin = channels_ * begin_, end = channels_ * end_;
    std::fill(v + begin, v + end, 0.0f);
    for (int j = 0; j < s.y.taps; ++j) {
        const auto [first, second, share] = pixel::neighbours<Arithmetic>(s.y, row, j);
        const float *upper = stretched(picture, first), *lower = stretched(picture, second);
        for (int i = 0; i < s.x.taps; ++i, upper += row_.size(), lower += row_.size())
            for (std::size_t k = begin; k < end; ++k)
                v[k] = Arithmetic::add(v[k], pixel::lerp<Arithmetic>(upper[k], lower[k], share));
    }
    for (std::size_t k = begin; k < end; ++k) v[k] = Arithmetic::mul(Arithmetic::mul(v[k], s.inv_samples), 1.0f / 255);
}

void AugmentRows::warped_row(const pixel::Source& source, int row, float* v) {
    const pixel::Sampling& s = sampling_;
    with_channels_of(static_cast<std::int64_t>(channels_), [&]<int C>(std::integral_constant<int, C>) {
        for (std::size_t x = begin_; x < end_; ++x)
            pixel::sample<C, Arithmetic>(s, source, row, flipped_column(s, static_cast<int>(x)), v + C * x);
    });
}

void AugmentRows::samples(const pixel::Source& source, int row, float* v) {
    row = flipped_row(sampling_, row);
    if (sampling_.warped || source.tables)
        warped_row(source, row, v);
    else
        sample_row(source.picture, row, v);
}

void AugmentRows::filter(const pixel::Source& source) {
    const pixel::Sampling& s = sampling_;
    const std::size_t size = channels_ * static_cast<std::size_t>(s.out_width),
                      rows = static_cast<std::size_t>(s.out_height);
    filtered_.resize(rows * size + lanes);
    for (int y = 0; y < s.out_height; ++y) samples(source, y, &filtered_[static_cast<std::size_t>(y) * size]);
    std::vector<float> before(filtered_.size());
    for (int i = 0; i < s.locals; ++i) {
        filtered_.swap(before);
        with_channels_of(static_cast<std::int64_t>(channels_), [&]<int C>(std::integral_constant<int, C>) {
            const auto value = [&](int row, int column) {
                return &before[static_cast<std::size_t>(row) * size + static_cast<std::size_t>(column) * C];
            };
            for (int y = 0; y < s.out_height; ++y) {
                float* const to = &filtered_[static_cast<std::size_t>(y) * size];
                for (int x = 0; x < s.out_width; ++x)
                    pixel::apply<C, Arithmetic>(s, s.local[i], value, y, x, to + static_cast<std::size_t>(x) * C);
            }
        });
    }
}

bool AugmentRows::find_labels(int row) {
    const pixel::Sampling& s = sampling_;
    row = flipped_row(s, row);
    if (!s.warped) {
        const int y = pixel::nearest<Arithmetic>(s.y, row);
        const std::int64_t begin = std::int64_t{y} * s.x.size;
        std::transform(columns_.begin(), columns_.end(), labels_.begin(),
                       [&](int column) { return y < 0 || column < 0 ? -1 : begin + column; });
        return y >= 0 && begin_ < end_;
    }
    for (int x = 0; x < s.out_width; ++x)
        labels_[static_cast<std::size_t>(x)] = pixel::label_at<Arithmetic>(s, row, flipped_column(s, x));
    return std::any_of(labels_.begin(), labels_.end(), [](std::int64_t at) { return at >= 0; });
}

void AugmentRows::make(const pixel::Source& source, const std::uint8_t* ids, int void_id, int row, float* out,
                       std::uint8_t* out_ids) {
    const pixel::Sampling& s = sampling_;
    const bool inside = find_labels(row);
    const std::size_t width = labels_.size();
    if (out_ids) {
        for (std::size_t x = 0; x < width; ++x)
            out_ids[x] = labels_[x] < 0 || !ids ? static_cast<std::uint8_t>(void_id) : ids[labels_[x]];
    }
    if (inside) {
        const float* v = row_.data();
        if (s.locals) {
            if (filtered_.empty()) filter(source);
            v = &filtered_[static_cast<std::size_t>(row) * channels_ * width];
        } else {
            samples(source, row, row_.data());
        }
        finish_row(s, channels_, v, row, out);
    }
    for (std::size_t x = 0; x < width; ++x)
        if (labels_[x] < 0) std::copy_n(s.outside, channels_, out + channels_ * x);
    for (int i = 0; i < s.rectangles; ++i) {
        const pixel::Rectangle& r = s.rectangle[i];
        if (row < r.top || row >= r.bottom) continue;
        for (auto x = static_cast<std::size_t>(r.left); x < static_cast<std::size_t>(r.right); ++x) {
            if (labels_[x] >= 0) std::fill_n(out + channels_ * x, channels_, 0.0f);
            if (out_ids) out_ids[x] = static_cast<std::uint8_t>(void_id);
        }
    }
}

}  // namespace camber
