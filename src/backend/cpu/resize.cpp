#include <span>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/image.h"
#include "backend/cpu/tap.h"

namespace camber::cpu {
namespace {

/// Taps of all output rows and columns.
class Taps {
  public:
    Taps(const Extents& in, const Extents& out, ResizeMode mode)
        : scratch_(static_cast<std::size_t>(out.h + out.w) * sizeof(Tap)), rows_(out.h) {
        for (std::int64_t i = 0; i < out.h; ++i) rows()[i] = tap(i, in.h, out.h, mode);
        for (std::int64_t i = 0; i < out.w; ++i) columns()[i] = tap(i, in.w, out.w, mode);
    }
    Tap* rows() const { return scratch_.as<Tap>(); }
    Tap* columns() const { return rows() + rows_; }

  private:
    Scratch scratch_;
    std::int64_t rows_;
};

/// What flows from an output column into an input column.
struct Share {
    std::int32_t from;
    float weight;
};

/// Of every input column, by output column.
class ColumnShares {
  public:
    ColumnShares(const Tap* columns, const Extents& in, const Extents& out)
        : scratch_(static_cast<std::size_t>(in.w + 1) * sizeof(std::int64_t) +
                   static_cast<std::size_t>(2 * out.w) * sizeof(Share)),
          begins_(scratch_.as<std::int64_t>()),
          shares_(scratch_.as<Share>(static_cast<std::size_t>(in.w + 1) * sizeof(std::int64_t))) {
        std::int64_t count = 0, first = 0;  // taps grow: those that read a column are consecutive
        for (std::int64_t j = 0; j < in.w; ++j) {
            begins_[j] = count;
            while (first < out.w && columns[first].high < j) ++first;
            for (std::int64_t ow = first; ow < out.w && columns[ow].low <= j; ++ow) {
                const auto [low, high, fraction] = columns[ow];
                if (low == j) shares_[count++] = {static_cast<std::int32_t>(ow), 1 - fraction};
                if (high == j && fraction != 0) shares_[count++] = {static_cast<std::int32_t>(ow), fraction};
            }
        }
        begins_[in.w] = count;
    }
    std::span<const Share> operator[](std::int64_t column) const {
        return {shares_ + begins_[column], shares_ + begins_[column + 1]};
    }

  private:
    Scratch scratch_;
    std::int64_t* begins_;
    Share* shares_;
};

/// Of an input row, those that are not 0, to `shares`; how many.
std::size_t row_shares(const Tap* rows, std::int64_t row, std::int64_t count, Share* shares) {
    std::size_t found = 0;
    const Tap* t = std::partition_point(rows, rows + count, [=](const Tap& tap) { return tap.high < row; });
    for (; t < rows + count && t->low <= row; ++t)
        if (const float weight = t->weight(row); weight != 0)
            shares[found++] = {static_cast<std::int32_t>(t - rows), weight};
    return found;
}

bool is_nearest(ResizeMode mode) { return mode == ResizeMode::nearest || mode == ResizeMode::nearest_half_pixel; }

}  // namespace

void CpuBackend::resize(const Tensor& x, const Tensor& y, ResizeMode mode) {
    with_activation("resize", x.dtype(), [&]<class T>(T) {
        const Extents in(x), out(y);
        const Taps taps(in, out, mode);
        const bool nearest = is_nearest(mode);
        const T* px = x.data<T>();
        T* py = y.data<T>();
        with_store(y, !out.whole_vectors(), [&](auto write) {
            parallel_for(out.rows(), out.row_size(), [&](std::int64_t line) {
                const std::int64_t n = line / out.h;
                const Tap row = taps.rows()[line % out.h];
                const T *upper = px + in.at(n, row.low, 0), *lower = px + in.at(n, row.high, 0);
                for (std::int64_t ow = 0, end = 0; ow < out.w; ow = end) {  // columns that read the same
                    const Tap *const columns = taps.columns(), column = columns[ow];
                    while (end < out.w && columns[end].low == column.low && columns[end].high == column.high) ++end;
                    const T *ul = upper + column.low * in.c, *ur = upper + column.high * in.c;
                    const T *ll = lower + column.low * in.c, *lr = lower + column.high * in.c;
                    const std::int64_t channels = out.c;
                    T* const to = py + line * out.row_size();
                    for_vectors(0, channels, [=](std::int64_t c, auto part) {
                        const Vec left = load(ul + c, part);
                        if (nearest) {
                            for (std::int64_t o = ow; o < end; ++o) write(to + o * channels + c, left, part);
                            return;
                        }
                        const Vec step = load(ur + c, part) - left;
                        const Vec left_below = load(ll + c, part), step_below = load(lr + c, part) - left_below;
                        for (std::int64_t o = ow; o < end; ++o) {
                            const Vec across = splat(columns[o].fraction);
                            const Vec above = fma(step, across, left), below = fma(step_below, across, left_below);
                            write(to + o * channels + c, fma(below - above, splat(row.fraction), above), part);
                        }
                    });
                }
            });
        });
    });
}

void CpuBackend::resize_backward(const Tensor& dy, const Tensor& dx, ResizeMode mode) {
    with_activation("resize_backward", dy.dtype(), [&]<class T>(T) {
        const Extents in(dx), out(dy);
        const Taps taps(in, out, mode);
        const ColumnShares columns(taps.columns(), in, out);
        const T* pdy = dy.data<T>();
        T* pdx = dx.data<T>();
        const Scratch scratch(static_cast<std::size_t>(omp_get_max_threads() * out.h) * sizeof(Share));
        with_store(dx, !in.whole_vectors(), [&](auto write) {
            parallel_ranges(in.rows(), 1, dy.numel(), [&](std::int64_t begin, std::int64_t end) {
                Share* const rows = scratch.as<Share>() + omp_get_thread_num() * out.h;
                for (std::int64_t line = begin; line < end; ++line) {
                    const std::int64_t n = line / in.h, row = line % in.h;
                    const std::span<const Share> above(rows, row_shares(taps.rows(), row, out.h, rows));
                    for (std::int64_t j = 0; j < in.w; ++j)
                        for_groups(0, in.c, [&](std::int64_t c, auto part, auto vectors) {
                            Vec sum[vectors()] = {};
                            for (const Share& r : above)
                                for (const Share& share : columns[j]) {
                                    const T* from = pdy + out.at(n, r.from, share.from) + c;
                                    for (int v = 0; v < vectors; ++v)
                                        sum[v] =
                                            fma(load(from + v * lanes, part) * r.weight, splat(share.weight), sum[v]);
                                }
                            for (int v = 0; v < vectors; ++v)
                                write(pdx + (line * in.w + j) * in.c + c + v * lanes, sum[v], part);
                        });
                }
            });
        });
    });
}

}  // namespace camber::cpu
