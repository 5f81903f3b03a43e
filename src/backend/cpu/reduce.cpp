#include "backend/cpu/columns.h"
#include "backend/cpu/cpu_backend.h"

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

}  // namespace camber::cpu
