#include "backend/cpu/columns.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/pixels.h"

namespace camber::cpu {

void column_sum(const Tensor& x, const Tensor& sums) {
    with_activation("column_sum", x.dtype(), [&]<class T>(T) {
        const Columns columns(x);
        const T* values = x.data<T>();
        const Scratch scratch(static_cast<std::size_t>(columns.channels) * sizeof(double));
        double* totals = scratch.as<double>();
        column_sums<1>(
            columns,
            [=](std::int64_t i, std::int64_t, auto part) -> std::array<Vec, 1> { return {load(values + i, part)}; },
            {totals});
        std::transform(totals, totals + columns.channels, sums.data<float>(),
                       [](double v) { return static_cast<float>(v); });
    });
}

void CpuBackend::sum(const Tensor& x, const Tensor& y) {
    if (x.numel() == 0) return fill(y, 0);
    // One channel makes every element a member of it.
    column_sum(y.shape().rank() == 0 ? x.view({x.numel(), 1}) : x, y);
}

void CpuBackend::argmax(const Tensor& x, const Tensor& labels) {
    with_activation("argmax", x.dtype(), [&]<class T>(T) {
        const std::int64_t channels = x.shape().back();
        const T* px = x.data<T>();
        auto* out = labels.data<std::uint8_t>();
        parallel_pixels(labels.numel(), channels, channels * lanes, [=](std::int64_t i, int count, float* planes) {
            load_pixels(px + i * channels, channels, channels, count, planes);
            const IntVec best = position_of_maximum(planes, channels);
            for (int p = 0; p < count; ++p) out[i + p] = static_cast<std::uint8_t>(best[p]);
        });
    });
}

}  // namespace camber::cpu
