#include "io/layout.h"

#include <algorithm>
#include <cstddef>

#include "data/parallel.h"

namespace camber {
namespace {

/// to[c * stride + r] = from[r * cols + c], in tiles that stay in the first cache. A tile's rows are a cache line of
/// the result, written at once.
void transpose_matrix(const float* from, std::int64_t rows, std::int64_t cols, float* to, std::int64_t stride) {
    constexpr std::int64_t line = 16, tile = 64;
    for (std::int64_t c0 = 0; c0 < cols; c0 += tile) {
        const std::int64_t c1 = std::min(cols, c0 + tile);
        std::int64_t r0 = 0;
        for (; r0 + line <= rows; r0 += line) {
            const float* source = from + r0 * cols;
            for (std::int64_t c = c0; c < c1; ++c) {
                float* target = to + c * stride + r0;
                for (std::int64_t r = 0; r < line; ++r) target[r] = source[r * cols + c];
            }
        }
        for (; r0 < rows; ++r0) {
            for (std::int64_t c = c0; c < c1; ++c) to[c * stride + r0] = from[r0 * cols + c];
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

void read_transposed(const WeightFile& file, const WeightEntry& entry, const Transposition& t, float* to) {
    const std::int64_t rows = entry.rows(), numel = entry.numel();
    if (numel == 0) return;
    const std::int64_t row = numel / rows;
    // A piece stays in the second cache between file and transposition. A share is what a thread takes at a time: large
    // tensors have several, small ones are not worth a thread.
    constexpr std::int64_t piece = 128 << 10, share = 4 << 20;  // elements
    const auto rows_of = [&](std::int64_t elements) {
        return entry.by_rows ? std::clamp<std::int64_t>(elements / row, 1, rows) : rows;
    };
    const std::int64_t per_piece = rows_of(piece), per_share = rows_of(share);
    const auto read_share = [&](std::int64_t first, std::int64_t last) {
        if (t.identity()) return file.read_rows(entry, first, last - first, to + first * row);
        std::vector<float> staged(static_cast<std::size_t>(std::min(per_piece, last - first) * row));
        for (std::int64_t begin = first; begin < last; begin += per_piece) {
            const std::int64_t count = std::min(per_piece, last - begin);
            file.read_rows(entry, begin, count, staged.data());
            // The file's rows are whole matrices of the batch, or with a batch of one, whole rows of its matrix.
            if (t.batch == rows) {
                transpose({count, t.rows, t.cols}, staged.data(), to + begin * row);
            } else {
                const std::int64_t of_matrix = t.rows / rows;  // its rows in one of the file's
                transpose_matrix(staged.data(), count * of_matrix, t.cols, to + begin * of_matrix, t.rows);
            }
        }
    };
    const std::int64_t shares = (rows + per_share - 1) / per_share;
    if (shares == 1) return read_share(0, rows);
    parallel_for(static_cast<std::size_t>(shares), 0, [&](std::size_t i) {
        const std::int64_t first = static_cast<std::int64_t>(i) * per_share;
        read_share(first, std::min(rows, first + per_share));
    });
}

}  // namespace camber
