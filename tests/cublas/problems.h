#pragma once
#include <vector>

#include "cuda/cublas/matrix_product.h"

namespace camber::testing {

/// Convolutions whose windows lie edge to edge, of small and odd extents.
inline std::vector<cublas::ConvExtents> edge_to_edge_convolutions() {
    struct Case {
        std::int64_t images, out_height, out_width, channels, filters, kernel_h, kernel_w;
    };
    std::vector<cublas::ConvExtents> all;
    for (const Case& c : {Case{1, 1, 1, 1, 1, 1, 1}, Case{2, 3, 5, 7, 11, 1, 1}, Case{3, 4, 4, 16, 8, 1, 1},
                          Case{5, 1, 1, 33, 10, 1, 1}, Case{2, 3, 5, 7, 11, 2, 2}, Case{1, 2, 3, 8, 16, 2, 2},
                          Case{2, 1, 4, 3, 5, 3, 2}, Case{2, 3, 2, 5, 3, 1, 4}, Case{1, 3, 1, 4, 6, 4, 1}}) {
        for (const bool bias : {false, true}) {
            for (const ConvKind kind : {ConvKind::forward, ConvKind::backward_data, ConvKind::backward_filter}) {
                if (kind == ConvKind::backward_filter && bias) continue;
                all.push_back({.kind = kind,
                               .images = c.images,
                               .height = c.out_height * c.kernel_h,
                               .width = c.out_width * c.kernel_w,
                               .channels = c.channels,
                               .filters = c.filters,
                               .kernel_h = c.kernel_h,
                               .kernel_w = c.kernel_w,
                               .out_height = c.out_height,
                               .out_width = c.out_width,
                               .bias = bias,
                               .params = {.stride_h = static_cast<int>(c.kernel_h),
                                          .stride_w = static_cast<int>(c.kernel_w),
                                          .padding = {}}});
            }
        }
    }
    return all;
}

}  // namespace camber::testing
