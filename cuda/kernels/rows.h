#pragma once
#include "cuda/kernels/matrix.h"
#include "cuda/kernels/numeric.h"
#include "cuda/kernels/reduce.h"

/// Kernels over rows of few channels (the logits of a pixel).
///
/// Up to 32 channels a thread has a row to itself, in registers, so that nothing is exchanged between threads. Rows of
/// a few whole 16-byte pieces are read as they lie. As rows of 11 or 12 channels are no such pieces, a warp copies its
/// 32 rows, which lie side by side, to shared memory in 16-byte pieces, the next ones while it works on these. Wider
/// rows are a warp's each, lane i with channels i, i + 32, ...
///
/// A row may be longer than its channels: what lies after them is not read, and zero where it is written.
namespace camber::CAMBER_GPU {

inline constexpr int row_threads = 128, row_warps = row_threads / 32;

inline constexpr int most_lone_channels = 32;

/// `slots` registers a thread hold its channels of a row; a row has `lanes` threads, 1 or 32.
template <int slots_, int lanes_>
struct RowShape {
    static constexpr int slots = slots_, lanes = lanes_;
    /// Channels that a row has at least, see with_row_shape(): what is known to be there is not asked for.
    static constexpr int least = lanes > 1 || slots <= 4 ? 1 : slots == most_lone_channels ? 21 : slots - 3;

    __device__ static __forceinline__ int channel(int slot) {
        return slot * lanes + (lanes == 1 ? 0 : static_cast<int>(threadIdx.x) % 32);
    }
    /// Over the row.
    __device__ static __forceinline__ float sum(float x) { return lanes == 1 ? x : warp_sum(x); }
    __device__ static __forceinline__ float max(float x) { return lanes == 1 ? x : warp_max(x); }
};

/// Calls f(RowShape<slots, lanes>{}) with room for `channels`, at most 256.
template <class F>
void with_row_shape(int channels, F&& f) {
    if (channels <= 4) return f(RowShape<4, 1>{});
    if (channels <= 8) return f(RowShape<8, 1>{});
    if (channels <= 12) return f(RowShape<12, 1>{});
    if (channels <= 16) return f(RowShape<16, 1>{});
    if (channels <= 20) return f(RowShape<20, 1>{});
    if (channels <= most_lone_channels) return f(RowShape<most_lone_channels, 1>{});
    return f(RowShape<8, 32>{});
}

/// This thread's channels of a row of `length` elements; slots without one get `rest`.
template <class Row, class T>
__device__ __forceinline__ void load_row(const T* row, int length, int channels, float (&v)[Row::slots], float rest) {
    const auto load_vectors = [&]<int width>(std::integral_constant<int, width>) {
#pragma unroll
        for (int s = 0; s < Row::slots; s += width) {
            Vec<T, width> part;
            if (s < Row::least || s < channels) part = load<width>(row + s);
#pragma unroll
            for (int j = 0; j < width; ++j)
                if (s + j < Row::slots) v[s + j] = s + j < Row::least || s + j < channels ? float_at(part, j) : rest;
        }
    };
    if (Row::lanes == 1 && length % vector_width<T> == 0) {
        load_vectors(std::integral_constant<int, vector_width<T>>{});
    } else if (Row::lanes == 1 && length % 4 == 0) {
        load_vectors(std::integral_constant<int, 4>{});
    } else {
#pragma unroll
        for (int s = 0; s < Row::slots; ++s) {
            const int c = Row::channel(s);
            v[s] = c < Row::least || c < channels ? to_float(row[c]) : rest;
        }
    }
}

/// The row's largest value; NaN only where all are.
template <class Row>
__device__ __forceinline__ float largest_of(const float (&v)[Row::slots]) {
    float largest = v[0];
#pragma unroll
    for (int s = 1; s < Row::slots; ++s) largest = fmaxf(largest, v[s]);
    return Row::max(largest);
}

/// The row's channels, v, become exp(v - largest); returns their sum.
template <class Row>
__device__ __forceinline__ float exponentials(float (&v)[Row::slots], float largest) {
    float total = 0;
#pragma unroll
    for (int s = 0; s < Row::slots; ++s) total += v[s] = fast_exp(v[s] - largest);
    return Row::sum(total);
}

template <class Row, class T>
__device__ __forceinline__ void store_row(T* row, int length, int channels, const float (&v)[Row::slots]) {
    const auto store_vectors = [&]<int width>(std::integral_constant<int, width>) {
#pragma unroll
        for (int s = 0; s < Row::slots; s += width) {
            if (s >= Row::least && s >= length) break;
            Vec<T, width> part;
#pragma unroll
            for (int j = 0; j < width; ++j) {
                const bool used = s + j < Row::least || (s + j < Row::slots && s + j < channels);
                part[j] = from_float<T>(used ? v[s + j] : 0.0f);
            }
            store<width>(row + s, part);
        }
        constexpr int first = (Row::slots + width - 1) / width * width;
#pragma unroll 1
        for (int s = first; s < length; s += width) store<width>(row + s, Vec<T, width>{});
    };
    if (Row::lanes == 1 && length % vector_width<T> == 0) {
        store_vectors(std::integral_constant<int, vector_width<T>>{});
    } else if (Row::lanes == 1 && length % 4 == 0) {
        store_vectors(std::integral_constant<int, 4>{});
    } else {
#pragma unroll
        for (int s = 0; s < Row::slots; ++s) {
            const int c = Row::channel(s);
            if (c < Row::least || c < length) row[c] = from_float<T>(c < Row::least || c < channels ? v[s] : 0.0f);
        }
#pragma unroll 1
        for (int c = Row::slots * Row::lanes + Row::channel(0); c < length; c += Row::lanes)
            row[c] = from_float<T>(0.0f);
    }
}

/// Rows side by side in one or more tensors of one shape. `wide`: they start at multiples of 16 bytes.
template <class T, int inputs>
struct Rows {
    const T* in[inputs];
    T* out;                      ///< null: nothing is written
    const std::uint8_t* labels;  ///< of every row, or null
    std::int64_t count;
    int length;    ///< elements from a row to the next
    int channels;  ///< of them in use
    bool wide;

    /// Whether a thread reads its row as it lies, and nothing is staged: a few pieces of 16 bytes.
    __host__ __device__ constexpr bool direct() const {
        const std::size_t bytes = static_cast<std::size_t>(length) * sizeof(T);
        return wide && bytes % 16 == 0 && bytes <= 64;
    }
    /// Dynamic shared memory for for_rows() where threads have rows of their own: two buffers a warp.
    __host__ __device__ constexpr std::size_t shared_bytes() const {
        if (channels > most_lone_channels || direct()) return 0;
        return static_cast<std::size_t>(row_warps * 2 * inputs * 32 * length) * sizeof(T);
    }
};

/// Calls f(label, in, out) for the rows that are this thread's when `blocks` blocks share them, of which this is number
/// `block`: in[n] points to the row in tensor n, out to where the result belongs; f reads all of `in` first.
template <class Row, class T, int inputs, class F>
__device__ __forceinline__ void for_rows(const Rows<T, inputs>& rows, unsigned block, unsigned blocks, F f) {
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const std::int64_t first = std::int64_t{block} * row_warps + warp, step = std::int64_t{blocks} * row_warps;
    if constexpr (Row::lanes == 32) {
        for (std::int64_t row = first; row < rows.count; row += step) {
            const T* in[inputs];
#pragma unroll
            for (int n = 0; n < inputs; ++n) in[n] = rows.in[n] + row * rows.length;
            f(rows.labels ? rows.labels[row] : 0, in, rows.out + row * rows.length);
        }
    } else if (rows.direct()) {
        for (std::int64_t row = first * 32 + lane; row < rows.count; row += step * 32) {
            const T* in[inputs];
#pragma unroll
            for (int n = 0; n < inputs; ++n) in[n] = rows.in[n] + row * rows.length;
            f(rows.labels ? rows.labels[row] : 0, in, rows.out + row * rows.length);
        }
    } else {
        const int size = 32 * rows.length;  // of a warp's rows
        T* const buffers = dynamic_shared<T>() + warp * 2 * inputs * size;
        const std::int64_t groups = (rows.count + 31) / 32;
        const auto count_of = [&](std::int64_t group) {
            return static_cast<int>(rows.count - group * 32 < 32 ? rows.count - group * 32 : 32);
        };
        // Starts copying a group's rows; returns the label of this thread's.
        const auto fetch = [&](std::int64_t group, T* buffer) {
            int label = 0;
            if (group < groups) {
                const int count = count_of(group), elements = count * rows.length;
                const int vectors = rows.wide ? elements / vector_width<T> : 0;
#pragma unroll
                for (int n = 0; n < inputs; ++n) {
                    const T* const from = rows.in[n] + group * size;
                    T* const to = buffer + n * size;
#pragma unroll 1
                    for (int i = lane; i < vectors; i += 32)
                        copy_async(to + i * vector_width<T>, from + i * vector_width<T>);
#pragma unroll 1
                    for (int i = vectors * vector_width<T> + lane; i < elements; i += 32) to[i] = from[i];
                }
                if (rows.labels && lane < count) label = rows.labels[group * 32 + lane];
            }
            commit_copies();
            return label;
        };
        int label = fetch(first, buffers), turn = 0;
        for (std::int64_t group = first; group < groups; group += step, turn ^= 1) {
            T* const buffer = buffers + turn * inputs * size;
            const int next = fetch(group + step, buffers + (turn ^ 1) * inputs * size);
            wait_copies<1>();
            __syncwarp();
            const int count = count_of(group);
            if (lane < count) {
                const T* in[inputs];
#pragma unroll
                for (int n = 0; n < inputs; ++n) in[n] = buffer + n * size + lane * rows.length;
                f(label, in, buffer + lane * rows.length);
            }
            if (rows.out) {
                __syncwarp();
                const int elements = count * rows.length, vectors = rows.wide ? elements / vector_width<T> : 0;
                T* const to = rows.out + group * size;
#pragma unroll 1
                for (int i = lane; i < vectors; i += 32)
                    store_global<vector_width<T>>(to + i * vector_width<T>,
                                                  load<vector_width<T>>(buffer + i * vector_width<T>));
#pragma unroll 1
                for (int i = vectors * vector_width<T> + lane; i < elements; i += 32) to[i] = buffer[i];
            }
            __syncwarp();
            label = next;
        }
        wait_copies<0>();
    }
}

}  // namespace camber::CAMBER_GPU
