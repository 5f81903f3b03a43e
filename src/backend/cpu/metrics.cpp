#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/pixels.h"

namespace camber::cpu {

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

void CpuBackend::confusion_matrix(const Tensor& prediction, const Tensor& truth, const Tensor& counts,
                                  int ignore_index) {
    const std::int64_t classes = counts.dim(0), cells = classes * classes;
    const auto *predicted = prediction.data<std::uint8_t>(), *true_label = truth.data<std::uint8_t>();
    auto* total = counts.data<std::int32_t>();
    const int threads = omp_get_max_threads();
    const Scratch scratch(static_cast<std::size_t>(threads * cells) * sizeof(std::int32_t));
    auto* partial = scratch.as<std::int32_t>();
    std::fill_n(partial, threads * cells, 0);
    parallel_ranges(truth.numel(), 64, truth.numel(), [&](std::int64_t begin, std::int64_t end) {
        auto* mine = partial + omp_get_thread_num() * cells;
        for (std::int64_t i = begin; i < end; ++i)
            if (true_label[i] != ignore_index && true_label[i] < classes && predicted[i] < classes)
                ++mine[true_label[i] * classes + predicted[i]];
    });
    for (std::int64_t i = 0; i < threads * cells; ++i) total[i % cells] += partial[i];
}

}  // namespace camber::cpu
