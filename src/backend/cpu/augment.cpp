#include <cstring>
#include <vector>

#include "backend/augment_rows.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/image.h"

/// Network inputs made of pictures of u8.
namespace camber::cpu {

void CpuBackend::augment(const Tensor& source, const Tensor& samples, const AugmentNeeds& /*needs*/, int void_id,
                         const Tensor& x, const Tensor& labels) {
    with_activation("augment", x.dtype(), [&]<class T>(T) {
        const Extents out(x);
        const auto* bytes = source.data<std::uint8_t>();
        auto* ids = labels ? labels.data<std::uint8_t>() : nullptr;
        T* px = x.data<T>();
        parallel_for(out.n, out.h * out.row_size() * 16, [&](std::int64_t n) {
            AugmentSample sample;
            std::memcpy(&sample, samples.data<std::uint8_t>() + n * static_cast<std::int64_t>(sizeof sample),
                        sizeof sample);
            AugmentRows rows(sample.sampling, static_cast<int>(out.c));
            std::vector<float> row(static_cast<std::size_t>(out.row_size()));
            for (std::int64_t i = 0; i < out.h; ++i) {
                const std::int64_t at = out.at(n, i, 0);
                rows.make(sample.source(bytes), sample.labels(bytes), void_id, static_cast<int>(i), row.data(),
                          ids ? ids + at / out.c : nullptr);
                for_vectors(0, out.row_size(),
                            [&](std::int64_t j, auto part) { store(px + at + j, load(row.data() + j, part), part); });
            }
        });
    });
}

}  // namespace camber::cpu
