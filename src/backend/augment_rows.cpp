// No fused multiply-adds in this file, whatever the machine it is compiled for: augment_pixel.h promises the same bits
// as a kernel.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "backend/augment_rows.h"

#include <algorithm>

namespace camber {

using Arithmetic = pixel::PlainArithmetic;

AugmentRows::AugmentRows(const pixel::Sampling& sampling)
    : sampling_(sampling), row_(3 * static_cast<std::size_t>(sampling.out_width)), neighbour_(row_.size()) {
    const pixel::Sampling& s = sampling_;
    for (int x = 0; x < s.out_width; ++x) {
        const int flipped = flipped_column(s, x);
        columns_.push_back(pixel::nearest<Arithmetic>(s.x, flipped));
        for (int i = 0; i < s.x.taps; ++i) column_taps_.push_back(pixel::neighbours<Arithmetic>(s.x, flipped, i));
    }
}

/// Of source row `row`. Pixels outside the frame that no filter looks at are left alone.
void AugmentRows::sample_row(const std::uint8_t* rgb, int row, float* v) const {
    const auto taps = static_cast<std::size_t>(sampling_.x.taps);
    for (std::size_t x = 0; x < columns_.size(); ++x, v += 3) {
        if (columns_[x] < 0 && !sampling_.filtered) continue;
        const pixel::Neighbours* at = &column_taps_[x * taps];
        pixel::sample<Arithmetic>(
            sampling_, rgb, row, [at](int tap) { return at[tap]; }, v);
    }
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
    if (y >= 0) {
        if (s.filtered)
            filtered_row(rgb, row);
        else
            sample_row(rgb, flipped_row(s, row), row_.data());
    }
    for (std::size_t x = 0; x < columns_.size(); ++x, out += 3) {
        const bool outside = y < 0 || columns_[x] < 0;
        if (out_ids) *out_ids++ = outside || !id_row ? static_cast<std::uint8_t>(void_id) : id_row[columns_[x]];
        if (outside)
            out[0] = out[1] = out[2] = 0;
        else
            pixel::finish<Arithmetic>(s, &row_[x * 3], out);
    }
}

}  // namespace camber
