#include <cmath>
#include <cstring>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/histogram.h"
#include "backend/cpu/image.h"
#include "backend/cpu/predicted_labels.h"
#include "backend/cpu/tap.h"
#include "backend/label_map.h"

namespace camber::cpu {
namespace {

/// Where the columns of an output row of `width` pixels lie on an input row of `in` pixels of `channels` floats.
class Columns {
  public:
    Columns(std::int64_t in, std::int64_t width, std::int64_t channels)
        : room_(round_up(width, lanes)), scratch_(static_cast<std::size_t>(room_) * 3 * sizeof(float)) {
        for (std::int64_t i = 0; i < room_; ++i) {
            const Tap t = tap(std::min(i, width - 1), in, width, ResizeMode::bilinear);
            scratch_.as<std::int32_t>()[i] = t.low * static_cast<std::int32_t>(channels);
            scratch_.as<std::int32_t>()[room_ + i] = t.high * static_cast<std::int32_t>(channels);
            scratch_.as<float>()[2 * room_ + i] = t.fraction;
        }
    }
    IntVec low(std::int64_t i) const { return (IntVec)load(scratch_.as<float>() + i); }
    IntVec high(std::int64_t i) const { return (IntVec)load(scratch_.as<float>() + room_ + i); }
    Vec fraction(std::int64_t i) const { return load(scratch_.as<float>() + 2 * room_ + i); }

  private:
    std::int64_t room_;
    Scratch scratch_;
};

/// use(position, classes, count) gets the largest class of up to sixteen pixels of a row at a time, from any thread, of
/// logits n resized (bilinear) to height x width. An input row is made of two first, then pixels are taken from it, a
/// class after the other: nothing of classes x pixels is in memory.
template <class F>
void for_predictions(const Tensor& logits, std::int64_t n, std::int64_t height, std::int64_t width, F&& use) {
    with_activation("count_predictions", logits.dtype(), [&]<class T>(T) {
        const Extents in(logits);
        const std::int64_t room = round_up(in.row_size(), lanes);
        const Scratch rows(static_cast<std::size_t>(omp_get_max_threads() * room) * sizeof(float));
        const Columns columns(in.w, width, in.c);
        parallel_ranges(height, 1, height * width * in.c, [&](std::int64_t begin, std::int64_t end) {
            float* const line = rows.as<float>() + omp_get_thread_num() * room;
            for (std::int64_t i = begin; i < end; ++i) {
                const Tap row = tap(i, in.h, height, ResizeMode::bilinear);
                const T* const upper = logits.data<T>() + in.at(n, row.low, 0);
                const T* const lower = logits.data<T>() + in.at(n, row.high, 0);
                for_vectors(0, in.row_size(), [&](std::int64_t k, auto part) {
                    const Vec u = load(upper + k, part), l = load(lower + k, part);
                    store(line + k, fma(l - u, splat(row.fraction), u), part);
                });
                for (std::int64_t j = 0; j < width; j += lanes) {
                    const IntVec low = columns.low(j), high = columns.high(j);
                    const Vec fraction = columns.fraction(j);
                    const auto logit = [&](std::int64_t c) {
                        const Vec left = gather(line + c, low), right = gather(line + c, high);
                        return fma(right - left, fraction, left);
                    };
                    Vec maximum = logit(0);
                    IntVec best{};
                    for (std::int64_t c = 1; c < in.c; ++c) {
                        const Vec v = logit(c);
                        const IntVec larger = v > maximum;
                        maximum = select(larger, v, maximum);
                        best = larger ? IntVec{} + static_cast<std::int32_t>(c) : best;
                    }
                    use(i * width + j, best, static_cast<int>(std::min<std::int64_t>(lanes, width - j)));
                }
            }
        });
    });
}

}  // namespace

void CpuBackend::count_predictions(const Tensor& logits, const Tensor& source, const Tensor& maps, const Tensor& counts,
                                   int ignore_index) {
    const std::int64_t classes = logits.dim(3);
    for (std::int64_t n = 0; n < logits.dim(0); ++n) {
        LabelMap map;
        std::memcpy(&map, maps.data<std::uint8_t>() + n * static_cast<std::int64_t>(sizeof map), sizeof map);
        const std::int64_t height = map.height, width = map.width;
        if (height * width == 0) continue;
        const std::uint8_t* const truth = source.data<std::uint8_t>() + map.offset;
        const Histogram histogram(counts.slice(n * classes * classes, {classes, classes}));
        for_predictions(logits, n, height, width, [&](std::int64_t first, IntVec best, int count) {
            std::int32_t* const mine = histogram.mine();
            const std::uint8_t* const ids = truth + first;
            for (int p = 0; p < count; ++p)
                if (ids[p] != ignore_index && ids[p] < classes) ++mine[ids[p] * classes + best[p]];
        });
        histogram.deliver();
    }
}

void resized_rows(const Tensor& part, std::int64_t first, std::int64_t in_height, std::int64_t height, std::int64_t top,
                  const Tensor& rows) {
    const Extents in(part);
    const std::int64_t count = rows.dim(1), width = rows.dim(2), channels = in.c;
    const float* const from = part.data<float>();
    std::vector<Tap> columns;
    for (std::int64_t j = 0; j < width; ++j) columns.push_back(tap(j, in.w, width, ResizeMode::bilinear));
    parallel_ranges(count, 1, count * width * channels, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const Tap row = tap(top + i, in_height, height, ResizeMode::bilinear);
            const float* const upper = from + in.at(0, row.low - first, 0);
            const float* const lower = from + in.at(0, row.high - first, 0);
            const auto between = [&](std::int64_t k) { return std::fma(lower[k] - upper[k], row.fraction, upper[k]); };
            float* to = rows.data<float>() + i * width * channels;
            for (const Tap& column : columns) {
                for (std::int64_t c = 0; c < channels; ++c) {
                    const float left = between(column.low * channels + c), right = between(column.high * channels + c);
                    *to++ = std::fma(right - left, column.fraction, left);
                }
            }
        }
    });
}

void predicted_labels(const Tensor& logits, std::int64_t n, std::int64_t height, std::int64_t width,
                      std::uint8_t* labels) {
    for_predictions(logits, n, height, width, [&](std::int64_t first, IntVec best, int count) {
        for (int p = 0; p < count; ++p) labels[first + p] = static_cast<std::uint8_t>(best[p]);
    });
}

}  // namespace camber::cpu
