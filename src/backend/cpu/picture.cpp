#include <cstring>
#include <vector>

#include "backend/augment_rows.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/image.h"

/// Pictures of u8, and network inputs made of them.
namespace camber::cpu {

void CpuBackend::augment(const Tensor& source, const Tensor& samples, int void_id, const Tensor& x,
                         const Tensor& labels) {
    with_activation("augment", x.dtype(), [&]<class T>(T) {
        const Extents out(x);
        const auto* bytes = source.data<std::uint8_t>();
        auto* ids = labels ? labels.data<std::uint8_t>() : nullptr;
        T* px = x.data<T>();
        parallel_for(out.n, out.h * out.row_size() * 16, [&](std::int64_t n) {
            AugmentSample sample;
            std::memcpy(&sample, samples.data<std::uint8_t>() + n * static_cast<std::int64_t>(sizeof sample),
                        sizeof sample);
            AugmentRows rows(sample.sampling);
            const std::uint8_t* label_map = sample.label_offset < 0 ? nullptr : bytes + sample.label_offset;
            std::vector<float> row(static_cast<std::size_t>(out.row_size()));
            for (std::int64_t i = 0; i < out.h; ++i) {
                const std::int64_t at = out.at(n, i, 0);
                rows.make(bytes + sample.image_offset, label_map, void_id, static_cast<int>(i), row.data(),
                          ids ? ids + at / 3 : nullptr);
                for_vectors(0, out.row_size(),
                            [&](std::int64_t j, auto part) { store(px + at + j, load(row.data() + j, part), part); });
            }
        });
    });
}

void CpuBackend::color_labels(const Tensor& labels, const Tensor& palette, const Tensor& y) {
    const auto *ids = labels.data<std::uint8_t>(), *colours = palette.data<std::uint8_t>();
    auto* to = y.data<std::uint8_t>();
    parallel_for(labels.numel(), 3, [=](std::int64_t i) { std::memcpy(to + i * 3, colours + ids[i] * 3, 3); });
}

void CpuBackend::overlay(const Tensor& image, const Tensor& labels, const Tensor& palette, int opacity,
                         const Tensor& y) {
    const auto *from = image.data<std::uint8_t>(), *ids = labels.data<std::uint8_t>(),
               *colours = palette.data<std::uint8_t>();
    auto* to = y.data<std::uint8_t>();
    parallel_for(labels.numel(), 3, [=](std::int64_t i) {
        for (int c = 0; c < 3; ++c) {
            const int mixed = (256 - opacity) * from[i * 3 + c] + opacity * colours[ids[i] * 3 + c];
            to[i * 3 + c] = static_cast<std::uint8_t>((mixed + 128) / 256);
        }
    });
}

}  // namespace camber::cpu
