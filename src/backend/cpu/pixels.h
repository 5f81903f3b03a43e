#pragma once
#include "backend/cpu/parallel.h"

/// Softmax and its relatives work on sixteen pixels at a time, a vector a channel: whatever the number of classes, no
/// lane is idle and nothing is summed across lanes.
namespace camber::cpu {

/// planes [C][16] = the first C channels of `count` pixels, `pitch` elements apart; pixels that do not exist read as
/// the last one that does.
template <class T>
CAMBER_VEC void load_pixels(const T* x, std::int64_t pitch, std::int64_t channels, int count, float* planes) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == sizeof(float)) {
        const IntVec index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        const IntVec pixel = index < count ? index : IntVec{} + (count - 1);
        const IntVec offsets = pixel * static_cast<std::int32_t>(pitch);
        for (std::int64_t c = 0; c < channels; ++c) store(planes + c * lanes, gather(x + c, offsets));
        return;
    }
#endif
    for (int i = 0; i < lanes; ++i) {
        const T* pixel = x + std::min(i, count - 1) * pitch;
        for (std::int64_t c = 0; c < channels; ++c) planes[c * lanes + i] = static_cast<float>(pixel[c]);
    }
}

/// The other way; zeros after the channels.
template <class T>
CAMBER_VEC void store_pixels(T* y, std::int64_t pitch, std::int64_t channels, int count, const float* planes) {
    for (int i = 0; i < count; ++i) {
        for (std::int64_t c = 0; c < channels; ++c) y[i * pitch + c] = static_cast<T>(planes[c * lanes + i]);
        for (std::int64_t c = channels; c < pitch; ++c) y[i * pitch + c] = static_cast<T>(0.f);
    }
}

CAMBER_VEC Vec maximum_of(const float* planes, std::int64_t channels) {
    Vec maximum = load(planes);
    for (std::int64_t c = 1; c < channels; ++c) maximum = max(load(planes + c * lanes), maximum);
    return maximum;
}

/// Which channel is the largest, the first among equals.
CAMBER_VEC IntVec position_of_maximum(const float* planes, std::int64_t channels) {
    Vec maximum = load(planes);
    IntVec best{};
    for (std::int64_t c = 1; c < channels; ++c) {
        const Vec v = load(planes + c * lanes);
        const IntVec larger = v > maximum;
        maximum = select(larger, v, maximum);
        best = larger ? IntVec{} + static_cast<std::int32_t>(c) : best;
    }
    return best;
}

/// Calls body(first pixel, count, buffer) for every group of up to sixteen of `pixels`, with `floats` floats of a
/// thread's own.
template <class F>
void parallel_pixels(std::int64_t pixels, std::int64_t channels, std::int64_t floats, F&& body) {
    const Scratch scratch(static_cast<std::size_t>(omp_get_max_threads() * floats) * sizeof(float));
    parallel_ranges(pixels, lanes, pixels * channels * 4, [&](std::int64_t begin, std::int64_t end) {
        float* buffer = scratch.as<float>() + omp_get_thread_num() * floats;
        for (std::int64_t i = begin; i < end; i += lanes)
            body(i, static_cast<int>(std::min<std::int64_t>(lanes, end - i)), buffer);
    });
}

}  // namespace camber::cpu
