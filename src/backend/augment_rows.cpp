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

/// The three channels of a pixel and a fourth lane that nobody looks at.
using Lanes = float __attribute__((vector_size(16)));
using Bytes = std::uint8_t __attribute__((vector_size(4)));

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

/// pixel::finish(). Writes a fourth value.
struct Finish {
    Lanes gain, mix, offset, mean, inv_std;

    explicit Finish(const pixel::Sampling& s)
        : gain(all(s.gain)),
          mix(all(s.mix)),
          offset(all(s.offset)),
          mean{s.mean[0], s.mean[1], s.mean[2], 0},
          inv_std{s.inv_std[0], s.inv_std[1], s.inv_std[2], 0} {}

    void operator()(const float* v, float* out) const {
        const Lanes sample = load(v), weighted = sample * Lanes{0.299f, 0.587f, 0.114f, 0};
        const Lanes grey = all(weighted[0]) + all(weighted[1]) + all(weighted[2]);
        Lanes x = sample * gain + (grey * mix + offset);
        x = x < all(0) ? all(0) : x > all(1) ? all(1) : x;
        store((x - mean) * inv_std, out);
    }
};

}  // namespace

AugmentRows::AugmentRows(const pixel::Sampling& sampling)
    // One value more: the fourth lane of the last pixel.
    : sampling_(sampling), row_(3 * static_cast<std::size_t>(sampling.out_width) + 1), neighbour_(row_.size()) {
    const pixel::Sampling& s = sampling_;
    for (int x = 0; x < s.out_width; ++x) columns_.push_back(pixel::nearest<Arithmetic>(s.x, flipped_column(s, x)));
    for (int i = 0; i < s.x.taps; ++i)
        for (int x = 0; x < s.out_width; ++x)
            column_taps_.push_back(pixel::neighbours<Arithmetic>(s.x, flipped_column(s, x), i));
    end_ = columns_.size();
    if (s.filtered) return;  // a filter looks at pixels outside the frame
    while (begin_ < end_ && columns_[begin_] < 0) ++begin_;
    while (begin_ < end_ && columns_[end_ - 1] < 0) --end_;
}

const float* AugmentRows::stretched(const std::uint8_t* rgb, int row) {
    Stretched& kept = stretched_[static_cast<std::size_t>(row) % stretched_.size()];
    if (kept.row == row) return kept.values.data();
    const pixel::Sampling& s = sampling_;
    const auto bytes = 3 * static_cast<std::size_t>(s.x.size), width = columns_.size();
    const std::uint8_t* source = rgb + static_cast<std::size_t>(row) * bytes;
    if (row == s.y.size - 1) {
        last_row_.assign(source, source + bytes);
        last_row_.push_back(0);
        source = last_row_.data();
    }
    const auto taps = static_cast<std::size_t>(s.x.taps);
    kept.row = row;
    kept.values.resize(taps * row_.size());
    for (std::size_t i = 0; i < taps; ++i) {
        const pixel::Neighbours* const at = &column_taps_[i * width];
        float* const to = &kept.values[i * row_.size()];
        for (std::size_t x = begin_; x < end_; ++x) {  // in this order: each ends what the one before wrote too much
            const Lanes left = load(source + 3 * at[x].first), right = load(source + 3 * at[x].second);
            store(left + (right - left) * all(at[x].share), to + 3 * x);
        }
    }
    return kept.values.data();
}

/// Of source row `row`. Pixels outside the frame that no filter looks at are left alone.
void AugmentRows::sample_row(const std::uint8_t* rgb, int row, float* v) {
    const pixel::Sampling& s = sampling_;
    const std::size_t begin = 3 * begin_, end = 3 * end_;
    std::fill(v + begin, v + end, 0.0f);
    for (int j = 0; j < s.y.taps; ++j) {
        const auto [first, second, share] = pixel::neighbours<Arithmetic>(s.y, row, j);
        const float *upper = stretched(rgb, first), *lower = stretched(rgb, second);
        for (int i = 0; i < s.x.taps; ++i, upper += row_.size(), lower += row_.size())
            for (std::size_t k = begin; k < end; ++k)
                v[k] = Arithmetic::add(v[k], pixel::lerp<Arithmetic>(upper[k], lower[k], share));
    }
    for (std::size_t k = begin; k < end; ++k) v[k] = Arithmetic::mul(Arithmetic::mul(v[k], s.inv_samples), 1.0f / 255);
}

void AugmentRows::filtered_row(const std::uint8_t* rgb, int row) {
    const pixel::Sampling& s = sampling_;
    std::fill(row_.begin(), row_.end(), 0.0f);
    for (int k = 0; k < 9; ++k) {
        if (k % 3 == 0)
            sample_row(rgb, flipped_row(s, pixel::neighbour(row, k / 3 - 1, s.out_height)), neighbour_.data());
        for (int x = 0; x < s.out_width; ++x) {
            const int from = pixel::neighbour(x, k % 3 - 1, s.out_width);
            pixel::accumulate<Arithmetic>(s.filter[k], &neighbour_[static_cast<std::size_t>(from) * 3],
                                          &row_[static_cast<std::size_t>(x) * 3]);
        }
    }
}

void AugmentRows::make(const std::uint8_t* rgb, const std::uint8_t* ids, int void_id, int row, float* out,
                       std::uint8_t* out_ids) {
    const pixel::Sampling& s = sampling_;
    const int y = pixel::nearest<Arithmetic>(s.y, flipped_row(s, row));
    const std::uint8_t* id_row = ids && y >= 0 ? ids + static_cast<std::ptrdiff_t>(y) * s.x.size : nullptr;
    if (out_ids) {
        for (const int column : columns_)
            *out_ids++ = column < 0 || !id_row ? static_cast<std::uint8_t>(void_id) : id_row[column];
    }
    const std::size_t width = columns_.size();
    if (y < 0 || begin_ == end_) {
        std::fill(out, out + 3 * width, 0.0f);
        return;
    }
    if (s.filtered)
        filtered_row(rgb, row);
    else
        sample_row(rgb, flipped_row(s, row), row_.data());
    const Finish finish(s);
    for (std::size_t x = 0; x + 1 < width; ++x) finish(&row_[3 * x], out + 3 * x);
    float last[4];
    finish(&row_[3 * (width - 1)], last);
    std::copy_n(last, 3, out + 3 * (width - 1));
    for (std::size_t x = 0; x < width; ++x)
        if (columns_[x] < 0) std::fill_n(out + 3 * x, 3, 0.0f);
}

}  // namespace camber
