#include "io/row_resizer.h"

#include <algorithm>
#include <cmath>

namespace camber {

RowResizer::Taps RowResizer::taps_of(int i, int in, int out) {
    Taps taps;
    const double scale = static_cast<double>(in) / out;
    if (scale > 1) {
        const double begin = i * scale, end = (i + 1) * scale;
        taps.first = static_cast<int>(begin);
        for (int k = taps.first; k < in && k < end; ++k) {
            const double cover = std::min<double>(end, k + 1) - std::max<double>(begin, k);
            taps.weights.push_back(static_cast<float>(cover / scale));
        }
    } else {
        const double centre = std::clamp((i + 0.5) * scale - 0.5, 0.0, in - 1.0);
        taps.first = std::min(static_cast<int>(centre), std::max(in - 2, 0));
        const auto t = static_cast<float>(centre - taps.first);
        taps.weights = {1 - t};
        if (in > 1) taps.weights.push_back(t);
    }
    return taps;
}

RowResizer::RowResizer(int height, int width, int channels, int out_height, int out_width)
    : in_height_(height), out_height_(out_height), channels_(static_cast<std::size_t>(channels)) {
    for (int x = 0; x < out_width; ++x) columns_.push_back(taps_of(x, width, out_width));
    sums_.resize(columns_.size() * channels_);
}

std::vector<float> RowResizer::narrowed(const std::uint8_t* row) const {
    std::vector<float> result;
    result.reserve(sums_.size());
    for (const Taps& taps : columns_) {
        const std::uint8_t* const from = row + static_cast<std::size_t>(taps.first) * channels_;
        for (std::size_t c = 0; c < channels_; ++c) {
            float sum = 0;
            for (std::size_t k = 0; k < taps.weights.size(); ++k) sum += taps.weights[k] * from[k * channels_ + c];
            result.push_back(sum);
        }
    }
    return result;
}

void RowResizer::next(const std::function<const std::uint8_t*(int)>& row, std::uint8_t* to) {
    const Taps taps = taps_of(next_++, in_height_, out_height_);
    for (; first_ < taps.first && !rows_.empty(); ++first_) rows_.pop_front();
    const int end = taps.first + static_cast<int>(taps.weights.size());
    for (int y = first_ + static_cast<int>(rows_.size()); y < end; ++y) {
        rows_.push_back(narrowed(row(y)));
        if (y < taps.first) rows_.pop_front(), ++first_;
    }
    std::fill(sums_.begin(), sums_.end(), 0.0f);
    for (std::size_t k = 0; k < taps.weights.size(); ++k) {
        const std::vector<float>& from = rows_[k];
        for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += taps.weights[k] * from[i];
    }
    for (std::size_t i = 0; i < sums_.size(); ++i)
        to[i] = static_cast<std::uint8_t>(std::clamp(std::lround(sums_[i]), 0L, 255L));
}

}  // namespace camber
