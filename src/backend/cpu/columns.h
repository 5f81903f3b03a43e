#pragma once
#include <array>
#include <numeric>

#include "backend/cpu/parallel.h"

/// Sums over all but the last axis. A tensor is read as rows of `period` elements, a multiple of both the channels and
/// the vector: vectors are full whatever the number of channels, and column j of a row always belongs to channel j %
/// channels. Rows are cut into chunks that do not depend on the number of threads: the result does not either.
namespace camber::cpu {

struct Columns {
    std::int64_t channels, count, period, rows, chunks;

    explicit Columns(const Tensor& x)
        : channels(x.shape().back()),
          count(x.numel()),
          period(whole_vectors(channels)),
          rows((count + period - 1) / period),
          chunks(std::clamp<std::int64_t>(count / chunk_elements, 1, std::min<std::int64_t>(rows, max_chunks))) {}

    std::int64_t chunk_begin(std::int64_t chunk) const { return rows * chunk / chunks; }
    /// Elements of column j in rows [begin, end): the last row may be short.
    std::int64_t height(std::int64_t begin, std::int64_t end, std::int64_t j) const {
        return end - begin - (end == rows && (rows - 1) * period + j >= count ? 1 : 0);
    }

    /// Calls f(element, column, All or First) over rows [begin, end).
    template <class F>
    CAMBER_VEC void for_rows(std::int64_t begin, std::int64_t end, F&& f) const {
        for (std::int64_t row = begin; row < end; ++row) {
            const std::int64_t base = row * period;
            for_vectors(0, std::min(period, count - base), [&](std::int64_t j, auto part) { f(base + j, j, part); });
        }
    }
    /// The same over all rows, shared among the threads.
    template <class F>
    void parallel_rows(F&& f) const {
        parallel_ranges(rows, 1, count, [&](std::int64_t begin, std::int64_t end) { for_rows(begin, end, f); });
    }

    /// Rows whose sums are kept in f32 before they are added in f64.
    std::int64_t block_rows() const { return std::clamp<std::int64_t>(block_elements / period, 1, 64); }

    /// A few vectors at least, so that consecutive additions do not wait for each other.
    static std::int64_t whole_vectors(std::int64_t channels) {
        const std::int64_t multiple = std::lcm(channels, std::int64_t{lanes});
        return multiple * std::max<std::int64_t>(1, least_vectors * lanes / multiple);
    }

    static constexpr int least_vectors = 4;  // more loads a round, and the hardware prefetches no longer
    static constexpr std::int64_t chunk_elements = std::int64_t{1} << 16, max_chunks = 64;
    static constexpr std::int64_t block_elements = std::int64_t{1} << 14;
};

/// Per-channel values repeated to a row of `period`.
inline void expand(const Columns& columns, const float* channels, float* row) {
    for (std::int64_t j = 0; j < columns.period; ++j) row[j] = channels[j % columns.channels];
}

/// sums [K][period] f32 = sum over rows [begin, end) of the K terms of every element. terms(element, column, part)
/// returns those of a vector, zero in lanes that do not exist. Rows are read from one end to the other: anything else
/// halves the bandwidth.
template <std::size_t K, class F>
CAMBER_VEC void sum_rows(const Columns& columns, std::int64_t begin, std::int64_t end, F&& terms, float* sums) {
    const std::int64_t period = columns.period;
    std::fill_n(sums, static_cast<std::size_t>(period) * K, 0.f);
    constexpr int vectors = Columns::least_vectors;
    if (period == vectors * lanes) {  // the common case, with the sums in registers
        Vec sum[K][vectors] = {};
        for (; begin < end && (begin + 1) * period <= columns.count; ++begin) {
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                const std::array<Vec, K> term = terms(begin * period + v * lanes, v * lanes, All{});
#pragma GCC unroll 2
                for (std::size_t k = 0; k < K; ++k) sum[k][v] += term[k];
            }
        }
        for (std::size_t k = 0; k < K; ++k)
            for (int v = 0; v < vectors; ++v)
                store(sums + static_cast<std::int64_t>(k) * period + v * lanes, sum[k][v]);
    }
    columns.for_rows(begin, end, [&](std::int64_t i, std::int64_t j, auto part) {
        const std::array<Vec, K> term = terms(i, j, part);
        for (std::size_t k = 0; k < K; ++k) {
            float* s = sums + static_cast<std::int64_t>(k) * period + j;
            store(s, load(s) + term[k]);
        }
    });
}

/// sums[k][channel] = sum over the tensor of term k, `terms` as in sum_rows.
template <std::size_t K, class F>
void column_sums(const Columns& columns, F&& terms, const std::array<double*, K>& sums) {
    const std::int64_t period = columns.period, block = columns.block_rows(), chunks = columns.chunks;
    const auto width = static_cast<std::size_t>(period) * K;
    const Scratch scratch(static_cast<std::size_t>(chunks) * width * (sizeof(double) + sizeof(float)));
    double* totals = scratch.as<double>();
    float* partial = scratch.as<float>(static_cast<std::size_t>(chunks) * width * sizeof(double));
    parallel_for(chunks, columns.count / chunks, [&](std::int64_t chunk) {
        double* total = totals + chunk * static_cast<std::int64_t>(width);
        float* sum = partial + chunk * static_cast<std::int64_t>(width);
        std::fill_n(total, width, 0.0);
        const std::int64_t end = columns.chunk_begin(chunk + 1);
        for (std::int64_t begin = columns.chunk_begin(chunk); begin < end; begin += block) {
            sum_rows<K>(columns, begin, std::min(end, begin + block), terms, sum);
            for (std::size_t i = 0; i < width; ++i) total[i] += static_cast<double>(sum[i]);
        }
    });
    parallel_for(columns.channels, chunks * period / columns.channels, [&](std::int64_t channel) {
        for (std::size_t k = 0; k < K; ++k) {
            double sum = 0;
            for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
                for (std::int64_t j = channel; j < period; j += columns.channels)
                    sum += totals[(chunk * static_cast<std::int64_t>(K) + static_cast<std::int64_t>(k)) * period + j];
            sums[k][channel] = sum;
        }
    });
}

/// sums [C] f32 = sum of x over all but the last axis: the gradient of a bias.
void column_sum(const Tensor& x, const Tensor& sums);

}  // namespace camber::cpu
