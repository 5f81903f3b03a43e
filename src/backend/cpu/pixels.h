#pragma once
#include "backend/cpu/parallel.h"

/// Softmax and its relatives work on sixteen pixels at a time, a vector a channel: whatever the number of classes, no
/// lane is idle and nothing is summed across lanes.
namespace camber::cpu {

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define CAMBER_TRANSPOSES

/// As static_cast<bf16> rounds, where AVX512_BF16's instruction makes 0 of subnormal numbers.
CAMBER_VEC void store_with_subnormals(bf16* p, Vec v, First part) {
    const HalfVec h = narrow_with_subnormals(v);
    _mm256_mask_storeu_epi16(p, static_cast<__mmask16>((1u << part.count) - 1), (__m256i)h);
}
CAMBER_VEC void store_with_subnormals(float* p, Vec v, First part) { store(p, v, part); }

/// rows[i][j] and rows[j][i] change places. In steps that are an instruction each.
CAMBER_VEC void transpose(Vec (&rows)[lanes]) {
    Vec a[lanes], b[lanes];
    for (int i = 0; i < lanes; i += 2) {  // two rows, within each 16 bytes
        const Vec u = rows[i], v = rows[i + 1];
        a[i] = __builtin_shufflevector(u, v, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
        a[i + 1] = __builtin_shufflevector(u, v, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
    }
    for (int i = 0; i < lanes; i += 4)  // four rows
        for (int k = 0; k < 2; ++k) {
            const Vec u = a[i + k], v = a[i + k + 2];
            b[i + 2 * k] = __builtin_shufflevector(u, v, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
            b[i + 2 * k + 1] =
                __builtin_shufflevector(u, v, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
        }
    const auto even = [](Vec u, Vec v) {  // of 16 bytes each
        return __builtin_shufflevector(u, v, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
    };
    const auto odd = [](Vec u, Vec v) {
        return __builtin_shufflevector(u, v, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    };
    for (int i = 0; i < 4; ++i) {
        const Vec low_even = even(b[i], b[i + 4]), low_odd = odd(b[i], b[i + 4]);
        const Vec high_even = even(b[i + 8], b[i + 12]), high_odd = odd(b[i + 8], b[i + 12]);
        rows[i] = even(low_even, high_even);
        rows[i + 4] = even(low_odd, high_odd);
        rows[i + 8] = odd(low_even, high_even);
        rows[i + 12] = odd(low_odd, high_odd);
    }
}
#endif

/// planes [C][16] = the first C channels of `count` pixels, `pitch` elements apart; pixels that do not exist read as
/// the last one that does.
template <class T>
CAMBER_VEC void load_pixels(const T* x, std::int64_t pitch, std::int64_t channels, int count, float* planes) {
#if defined(CAMBER_TRANSPOSES)
    for (std::int64_t c = 0; c < channels; c += lanes) {
        const First part{static_cast<int>(std::min<std::int64_t>(lanes, channels - c))};
        Vec rows[lanes];
        for (int i = 0; i < lanes; ++i) rows[i] = load(x + std::min(i, count - 1) * pitch + c, part);
        transpose(rows);
        for (int k = 0; k < lanes; ++k)
            if (k < part.count) store(planes + (c + k) * lanes, rows[k]);
    }
#else
    for (int i = 0; i < lanes; ++i) {
        const T* pixel = x + std::min(i, count - 1) * pitch;
        for (std::int64_t c = 0; c < channels; ++c) planes[c * lanes + i] = static_cast<float>(pixel[c]);
    }
#endif
}

/// The other way; zeros after the channels.
template <class T>
CAMBER_VEC void store_pixels(T* y, std::int64_t pitch, std::int64_t channels, int count, const float* planes) {
#if defined(CAMBER_TRANSPOSES)
    for (std::int64_t c = 0; c < pitch; c += lanes) {
        const First part{static_cast<int>(std::min<std::int64_t>(lanes, pitch - c))};
        Vec rows[lanes];
        for (int k = 0; k < lanes; ++k) rows[k] = c + k < channels ? load(planes + (c + k) * lanes) : Vec{};
        transpose(rows);
        for (int i = 0; i < lanes; ++i)
            if (i < count) store_with_subnormals(y + i * pitch + c, rows[i], part);
    }
#else
    for (int i = 0; i < count; ++i) {
        for (std::int64_t c = 0; c < channels; ++c) y[i * pitch + c] = static_cast<T>(planes[c * lanes + i]);
        for (std::int64_t c = channels; c < pitch; ++c) y[i * pitch + c] = static_cast<T>(0.f);
    }
#endif
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
