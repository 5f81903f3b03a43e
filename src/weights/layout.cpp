#include "weights/layout.h"

#include <camber/error.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "core/finite.h"
#include "core/parallel_for.h"
#include "io/printable.h"

namespace camber {
namespace {

using Four = float __attribute__((vector_size(16)));

Four load(const float* from) {
    Four values;
    std::memcpy(&values, from, sizeof values);
    return values;
}
void store(float* to, Four values) { std::memcpy(to, &values, sizeof values); }

/// to[c * stride + r] = from[r * cols + c] for 4 rows and 4 columns.
void transpose_four(const float* from, std::int64_t cols, float* to, std::int64_t stride) {
    const Four a = load(from), b = load(from + cols), c = load(from + 2 * cols), d = load(from + 3 * cols);
    const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7),
               cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    store(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
    store(to + stride, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
    store(to + 2 * stride, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
    store(to + 3 * stride, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

/// Copies, where `past_caches` without fetching what is overwritten.
void copy_run(const float* from, std::int64_t count, float* to, bool past_caches) {
    std::int64_t done = 0;
#ifdef __SSE__
    if (past_caches && reinterpret_cast<std::uintptr_t>(to) % sizeof(Four) == 0) {
        for (; done + 4 <= count; done += 4) _mm_stream_ps(to + done, load(from + done));
    }
#else
    (void)past_caches;
#endif
    std::memcpy(to + done, from + done, static_cast<std::size_t>(count - done) * sizeof(float));
}

/// to[c * stride + r] = from[r * cols + c], in blocks that stay in the first cache, so that the result is written in
/// runs of several cache lines.
void transpose_matrix(const float* from, std::int64_t rows, std::int64_t cols, float* to, std::int64_t stride) {
    constexpr std::int64_t block_rows = 64, block_cols = 16, large = 1 << 18;  // elements
    const bool past_caches = cols * stride >= large;
    alignas(64) float block[block_rows * block_cols];
    for (std::int64_t r0 = 0; r0 < rows; r0 += block_rows) {
        const std::int64_t height = std::min(block_rows, rows - r0), high = height / 4 * 4;
        for (std::int64_t c0 = 0; c0 < cols; c0 += block_cols) {
            const std::int64_t width = std::min(block_cols, cols - c0), wide = width / 4 * 4;
            const float* source = from + r0 * cols + c0;
            const auto single = [&](std::int64_t r, std::int64_t c) {
                block[c * block_rows + r] = source[r * cols + c];
            };
            for (std::int64_t r = 0; r < high; r += 4) {
                for (std::int64_t c = 0; c < wide; c += 4) {
                    transpose_four(source + r * cols + c, cols, block + c * block_rows + r, block_rows);
                }
            }
            for (std::int64_t c = wide; c < width; ++c) {
                for (std::int64_t r = 0; r < high; ++r) single(r, c);
            }
            for (std::int64_t r = high; r < height; ++r) {
                for (std::int64_t c = 0; c < width; ++c) single(r, c);
            }
            for (std::int64_t c = 0; c < width; ++c) {
                copy_run(block + c * block_rows, height, to + (c0 + c) * stride + r0, past_caches);
            }
        }
    }
#ifdef __SSE__
    if (past_caches) _mm_sfence();
#endif
}

/// WeightFile::read_rows(), so many rows at a time that they are in the second cache when they are looked through.
/// Throws Error where an element is a NaN or an infinity.
void read_finite(const WeightFile& file, const WeightEntry& entry, std::int64_t first, std::int64_t rows, float* to) {
    constexpr std::int64_t elements = 1 << 16;
    const std::int64_t row = entry.numel() / entry.rows();
    const std::int64_t most = entry.by_rows ? std::max<std::int64_t>(1, elements / row) : rows;
    for (std::int64_t done = 0; done < rows; done += most) {
        const std::int64_t now = std::min(most, rows - done);
        float* const here = to + done * row;
        file.read_rows(entry, first + done, now, here);
        const auto size = static_cast<std::size_t>(now * row);
        if (const std::size_t i = first_non_finite(here, size); i < size) {
            fail("{}: {} is not finite: element {} of {} is {}", file.file().string(), printable(entry.name),
                 (first + done) * row + static_cast<std::int64_t>(i), entry.shape_text(), here[i]);
        }
    }
}

}  // namespace

Layout layout_of(Role role, const Shape& ours, Convention convention, std::int64_t pixels) {
    std::vector<std::int64_t> same;
    for (int axis = 0; axis < ours.rank(); ++axis) same.push_back(ours[axis]);
    const bool fits = role == Role::conv || role == Role::conv_transpose ? ours.rank() == 4 : ours.rank() == 2;
    if (convention == Convention::camber || role == Role::other || !fits) return {same, {}};
    const std::int64_t a = ours[0], b = ours[1];
    if (role == Role::linear || role == Role::linear_after_flatten) {
        if (convention == Convention::keras) return {{b, a}, {1, b, a}};
        if (role == Role::linear_after_flatten) return {same, {a, b / pixels, pixels}};
        return {same, {}};
    }
    // Ours is [first, Kh, Kw, last]: convolutions have Cout first, transposed ones Cin.
    const std::int64_t first = a, height = b, width = ours[2], last = ours[3];
    if (convention == Convention::pytorch) return {{first, last, height, width}, {first, last, height * width}};
    return {{height, width, last, first}, {1, height * width * last, first}};
}

void transpose(const Transposition& t, const float* from, float* to) {
    for (std::int64_t b = 0; b < t.batch; ++b) {
        transpose_matrix(from + b * t.rows * t.cols, t.rows, t.cols, to + b * t.rows * t.cols, t.rows);
    }
}

void read_transposed(const WeightFile& file, std::span<const Reading> readings) {
    // A share is what a thread takes at a time. Of it a piece stays in the second cache between file and transposition;
    // its number of rows keeps runs of the result on whole cache lines.
    constexpr std::int64_t share = 1 << 20, piece = 1 << 18, line = 16;  // elements
    struct Share {
        const Reading* reading;
        std::int64_t first, last, piece;  // rows
    };
    std::vector<Share> shares;
    for (const Reading& reading : readings) {
        const std::int64_t rows = reading.entry->rows(), numel = reading.entry->numel();
        if (numel == 0) continue;
        const auto rows_of = [&](std::int64_t elements) {
            if (!reading.entry->by_rows) return rows;
            const std::int64_t fit = std::clamp<std::int64_t>(elements / (numel / rows), 1, rows);
            return fit < line ? fit : fit / line * line;
        };
        for (std::int64_t first = 0; first < rows; first += rows_of(share)) {
            shares.push_back({&reading, first, std::min(rows, first + rows_of(share)), rows_of(piece)});
        }
    }
    parallel_for(shares.size(), 0, [&](std::size_t i) {
        const auto& [reading, first, last, most] = shares[i];
        const Transposition& t = reading->transposition;
        const std::int64_t rows = reading->entry->rows(), row = reading->entry->numel() / rows;
        if (t.identity()) {
            return read_finite(file, *reading->entry, first, last - first, reading->to + first * row);
        }
        thread_local std::vector<float> staged;  // the thread ends with the loop
        staged.resize(std::max(staged.size(), static_cast<std::size_t>(std::min(most, last - first) * row)));
        for (std::int64_t begin = first; begin < last; begin += most) {
            const std::int64_t count = std::min(most, last - begin);
            read_finite(file, *reading->entry, begin, count, staged.data());
            // The file's rows are whole matrices of the batch, or with a batch of one, whole rows of its matrix.
            if (t.batch == rows) {
                transpose({count, t.rows, t.cols}, staged.data(), reading->to + begin * row);
            } else {
                const std::int64_t of_matrix = t.rows / rows;  // its rows in one of the file's
                transpose_matrix(staged.data(), count * of_matrix, t.cols, reading->to + begin * of_matrix, t.rows);
            }
        }
    });
}

}  // namespace camber
