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

bool is_nearest(ResizeMode mode) { return mode == ResizeMode::nearest || mode == ResizeMode::nearest_half_pixel; }

}  // namespace

void CpuBackend::resize(const Tensor& x, const Tensor& y, ResizeMode mode) {
    with_activation("resize", x.dtype(), [&]<class T>(T) {
        const Extents in(x), out(y);
        const Taps taps(in, out, mode);
        const T* px = x.data<T>();
        T* py = y.data<T>();
        with_store(y, !out.whole_vectors(), [&](auto write) {
            parallel_for(out.rows(), out.row_size(), [&](std::int64_t line) {
                const std::int64_t n = line / out.h;
                const Tap row = taps.rows()[line % out.h];
                const T *upper = px + in.at(n, row.low, 0), *lower = px + in.at(n, row.high, 0);
                for (std::int64_t ow = 0; ow < out.w; ++ow) {
                    const Tap column = taps.columns()[ow];
                    const std::int64_t left = column.low * in.c, right = column.high * in.c;
                    T* to = py + (line * out.w + ow) * out.c;
                    if (is_nearest(mode)) {
                        for_vectors(0, out.c, [&](std::int64_t c, auto part) {
                            write(to + c, load(upper + left + c, part), part);
                        });
                        continue;
                    }
                    for_vectors(0, out.c, [&](std::int64_t c, auto part) {
                        const Vec fraction = splat(column.fraction);
                        const Vec ul = load(upper + left + c, part), ur = load(upper + right + c, part);
                        const Vec ll = load(lower + left + c, part), lr = load(lower + right + c, part);
                        const Vec above = fma(ur - ul, fraction, ul), below = fma(lr - ll, fraction, ll);
                        write(to + c, fma(below - above, splat(row.fraction), above), part);
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
        const T* pdy = dy.data<T>();
        gather_rows<T>(dx, [&](std::int64_t n, std::int64_t row, float* sums) {
            // Taps grow with the output row, so those that read this input row are consecutive.
            const Tap *begin = taps.rows(), *end = begin + out.h;
            const Tap* first = std::partition_point(begin, end, [=](const Tap& t) { return t.high < row; });
            for (const Tap* t = first; t < end && t->low <= row; ++t) {
                const float weight = t->weight(row);
                if (weight == 0) continue;
                const T* from = pdy + out.at(n, t - begin, 0);
                for (std::int64_t ow = 0; ow < out.w; ++ow) {
                    const Tap column = taps.columns()[ow];
                    for_vectors(0, out.c, [&](std::int64_t c, auto part) {
                        const Vec g = load(from + ow * out.c + c, part) * weight;
                        const auto add = [&](std::int64_t j, Vec v) {
                            float* s = sums + j * in.c + c;
                            store(s, load(s, part) + v, part);
                        };
                        add(column.low, g * (1 - column.fraction));
                        if (column.fraction != 0) add(column.high, g * column.fraction);
                    });
                }
            }
        });
    });
}

}  // namespace camber::cpu
