// No fused multiply-adds in this file, whatever the machine it is compiled for: augment_pixel.h promises the same bits
// as a kernel.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "backend/augment_rows.h"

namespace camber {

using Arithmetic = pixel::PlainArithmetic;

AugmentRows::AugmentRows(const pixel::Sampling& sampling) : sampling_(sampling) {
    const pixel::Sampling& s = sampling_;
    for (int x = 0; x < s.out_width; ++x) {
        const int flipped = s.flip ? s.out_width - 1 - x : x;
        columns_.push_back(pixel::nearest<Arithmetic>(s.x, flipped));
        for (int i = 0; i < s.x.taps; ++i) column_taps_.push_back(pixel::neighbours<Arithmetic>(s.x, flipped, i));
    }
}

void AugmentRows::make(const std::uint8_t* rgb, const std::uint8_t* ids, int void_id, int row, float* out,
                       std::uint8_t* out_ids) const {
    const pixel::Sampling& s = sampling_;
    const int y = pixel::nearest<Arithmetic>(s.y, row);
    const std::uint8_t* id_row = ids && y >= 0 ? ids + static_cast<std::ptrdiff_t>(y) * s.x.size : nullptr;
    const auto taps_x = static_cast<std::size_t>(s.x.taps);
    for (std::size_t x = 0; x < columns_.size(); ++x, out += 3) {
        const bool outside = y < 0 || columns_[x] < 0;
        if (out_ids) *out_ids++ = outside || !id_row ? static_cast<std::uint8_t>(void_id) : id_row[columns_[x]];
        if (outside) {
            out[0] = out[1] = out[2] = 0;
            continue;
        }
        float sum[3] = {0, 0, 0};
        for (int j = 0; j < s.y.taps; ++j) {
            const pixel::Neighbours rows = pixel::neighbours<Arithmetic>(s.y, row, j);
            for (std::size_t i = 0; i < taps_x; ++i) {
                const pixel::Neighbours at = column_taps_[x * taps_x + i];
                for (int c = 0; c < 3; ++c) sum[c] += pixel::bilinear<Arithmetic>(rgb, s.x.size, rows, at, c);
            }
        }
        pixel::finish<Arithmetic>(s, sum, out);
    }
}

}  // namespace camber
