#pragma once
#include <camber/types.h>

#include <algorithm>
#include <cstdint>

namespace camber::cpu {

/// What one output coordinate reads: (1 - fraction) of input `low` and `fraction` of input `high`.
struct Tap {
    std::int32_t low, high;
    float fraction;

    float weight(std::int64_t input) const {
        return (low == input ? 1 - fraction : 0.f) + (high == input ? fraction : 0.f);
    }
};

inline Tap between(double source, std::int64_t extent) {
    const auto low = std::min(static_cast<std::int64_t>(source), extent - 1);
    return {static_cast<std::int32_t>(low), static_cast<std::int32_t>(std::min(low + 1, extent - 1)),
            static_cast<float>(source - static_cast<double>(low))};
}

/// Of output `i` of `out` on an axis of `in`. See ResizeMode for the conventions.
inline Tap tap(std::int64_t i, std::int64_t in, std::int64_t out, ResizeMode mode) {
    const auto position = static_cast<double>(i);
    switch (mode) {
        case ResizeMode::nearest:
        case ResizeMode::nearest_half_pixel: {
            const auto source =
                static_cast<std::int32_t>(mode == ResizeMode::nearest ? i * in / out : (2 * i + 1) * in / (2 * out));
            return {source, source, 0};
        }
        case ResizeMode::bilinear: {
            const double ratio = static_cast<double>(in) / static_cast<double>(out);
            return between(std::max((position + 0.5) * ratio - 0.5, 0.0), in);
        }
        case ResizeMode::bilinear_align_corners:
            break;
    }
    return between(out > 1 ? position * static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0.0, in);
}

}  // namespace camber::cpu
