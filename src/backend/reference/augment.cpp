// No fused multiply-adds in this file: see augment_pixel.h.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include <cstring>

#include "backend/augment_pixel.h"
#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {

void ReferenceBackend::augment(const Tensor& source, const Tensor& samples, int void_id, const Tensor& x,
                               const Tensor& labels) {
    with_floating(x.dtype(), [&]<class A>() {
        const Extents out(x);
        const auto* bytes = source.data<std::uint8_t>();
        auto* ids = data_or_null<std::uint8_t>(labels);
        A* px = x.data<A>();
        for (std::int64_t n = 0; n < out.n; ++n) {
            AugmentSample sample;
            std::memcpy(&sample, samples.data<std::uint8_t>() + n * static_cast<std::int64_t>(sizeof sample),
                        sizeof sample);
            const std::uint8_t* label_map = sample.label_offset < 0 ? nullptr : bytes + sample.label_offset;
            with_channels_of(out.c, [&]<int C>(std::integral_constant<int, C>) {
                for (std::int64_t i = 0; i < out.h; ++i)
                    for (std::int64_t j = 0; j < out.w; ++j) {
                        const std::int64_t at = out.at(n, i, j);
                        float pixel[C];
                        pixel::augment_pixel<C, pixel::PlainArithmetic>(
                            sample.sampling, bytes + sample.image_offset, label_map, void_id, static_cast<int>(i),
                            static_cast<int>(j), pixel, ids ? ids + at / C : nullptr);
                        for (int c = 0; c < C; ++c) px[at + c] = static_cast<A>(pixel[c]);
                    }
            });
        }
    });
}

}  // namespace camber::reference
