#pragma once
#include <algorithm>
#include <vector>

#include "backend/reference/dispatch.h"

namespace camber::reference {

/// dx = for every image what accumulate(image, buffer) adds to `buffer`, the image's [H, W, C] elements as doubles,
/// plus `addend`. Gradients that several outputs add to are rounded to A once, at the end.
template <class A, class F>
void scatter_images(const Tensor& dx, const ChannelSlice& addend, F accumulate) {
    const Extents in(dx);
    A* pdx = dx.data<A>();
    const A* more = addend ? addend.tensor.data<A>() + addend.begin : nullptr;
    const std::int64_t stride = addend ? addend.tensor.dim(3) : 0;
#pragma omp parallel for if (worth_threads(dx.numel()))
    for (std::int64_t n = 0; n < in.n; ++n) {
        std::vector<double> buffer(static_cast<std::size_t>(in.image_size()), 0.0);
        accumulate(n, buffer.data());
        if (more)
            for (std::int64_t i = 0; i < in.image_size(); ++i)
                buffer[static_cast<std::size_t>(i)] +=
                    static_cast<double>(more[(n * in.h * in.w + i / in.c) * stride + i % in.c]);
        std::transform(buffer.begin(), buffer.end(), pdx + n * in.image_size(),
                       [](double value) { return static_cast<A>(value); });
    }
}

}  // namespace camber::reference
