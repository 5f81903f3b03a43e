#pragma once
#include <algorithm>
#include <vector>

#include "backend/reference/dispatch.h"

namespace camber::reference {

/// dx = for every image what accumulate(image, buffer) adds to `buffer`, the image's [H, W, C] elements as doubles.
/// Gradients that several outputs add to are rounded to A once, at the end.
template <class A, class F>
void scatter_images(const Tensor& dx, F accumulate) {
    const Extents in(dx);
    A* pdx = dx.data<A>();
#pragma omp parallel for if (worth_threads(dx.numel()))
    for (std::int64_t n = 0; n < in.n; ++n) {
        std::vector<double> buffer(static_cast<std::size_t>(in.image_size()), 0.0);
        accumulate(n, buffer.data());
        std::transform(buffer.begin(), buffer.end(), pdx + n * in.image_size(),
                       [](double value) { return static_cast<A>(value); });
    }
}

}  // namespace camber::reference
