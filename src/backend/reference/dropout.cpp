#include <algorithm>
#include <cmath>

#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"
#include "core/batch_share.h"

namespace camber::reference {

void ReferenceBackend::dropout(const Tensor& x, const Tensor& y, double rate, const PhiloxKey& key,
                               const Tensor& step) {
    const auto threshold = static_cast<std::uint64_t>(std::llround(rate * 0x1p32));
    const PhiloxKey stream = step ? key.at_step(static_cast<std::uint64_t>(*step.data<std::int32_t>())) : key;
    with_floating(x.dtype(), [&]<class A>() {
        const A* px = x.data<A>();
        A* py = y.data<A>();
        const std::int64_t count = x.numel(), first = first_element_of_share(x.dim(0), count);
#pragma omp parallel for if (worth_threads(count))
        for (std::int64_t block = first / 4; block < (first + count + 3) / 4; ++block) {
            const auto random = stream.block(static_cast<std::uint64_t>(block));
            const std::int64_t begin = block * 4 - first;  // of its numbers' elements
            for (std::int64_t i = std::max<std::int64_t>(0, begin); i < std::min(count, begin + 4); ++i) {
                const bool kept = random[static_cast<std::size_t>(i - begin)] >= threshold;
                py[i] = static_cast<A>(kept ? static_cast<double>(px[i]) / (1 - rate) : 0.0);
            }
        }
    });
}

}  // namespace camber::reference
