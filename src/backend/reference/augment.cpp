// No fused multiply-adds in this file: see augment_pixel.h.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/augment_pixel.h"
#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {

void ReferenceBackend::augment(const Tensor& source, const Tensor& samples, const AugmentNeeds& /*needs*/, int void_id,
                               const Tensor& x, const Tensor& labels) {
    with_floating(x.dtype(), [&]<class A>() {
        const Extents out(x);
        const auto* bytes = source.data<std::uint8_t>();
        auto* ids = data_or_null<std::uint8_t>(labels);
        A* px = x.data<A>();
        std::vector<float> picture, room, more;
        for (std::int64_t n = 0; n < out.n; ++n) {
            AugmentSample sample;
            std::memcpy(&sample, samples.data<std::uint8_t>() + n * static_cast<std::int64_t>(sizeof sample),
                        sizeof sample);
            const std::int64_t at = out.at(n, 0, 0), values = out.h * out.w * out.c;
            for (std::vector<float>* part : {&picture, &room, &more}) part->resize(static_cast<std::size_t>(values));
            with_channels_of(out.c, [&]<int C>(std::integral_constant<int, C>) {
                pixel::augment_picture<C, pixel::PlainArithmetic>(
                    sample.sampling, sample.source(bytes), sample.labels(bytes), void_id, room.data(), more.data(),
                    picture.data(), ids ? ids + at / C : nullptr);
            });
            std::transform(picture.begin(), picture.end(), px + at, [](float v) { return static_cast<A>(v); });
        }
    });
}

}  // namespace camber::reference
