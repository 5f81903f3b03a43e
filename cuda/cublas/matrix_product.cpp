#include "cuda/cublas/matrix_product.h"

namespace camber::cublas {

ConvExtents extents_of(const ConvCall& call) {
    return {.kind = call.kind,
            .images = call.image.dim(0),
            .height = call.image.dim(1),
            .width = call.image.dim(2),
            .channels = call.image.dim(3),
            .filters = call.filter.dim(0),
            .kernel_h = call.filter.dim(1),
            .kernel_w = call.filter.dim(2),
            .out_height = call.response.dim(1),
            .out_width = call.response.dim(2),
            .bias = call.bias.defined(),
            .params = call.params};
}

std::vector<MatrixProduct> matrix_products(const ConvExtents& c) {
    const Conv2dParams& p = c.params;
    const bool edge_to_edge = p.padding == Padding{} && (p.dilation_h == 1 || c.kernel_h == 1) &&
                              (p.dilation_w == 1 || c.kernel_w == 1) && p.stride_h == c.kernel_h &&
                              p.stride_w == c.kernel_w && c.height == c.out_height * c.kernel_h &&
                              c.width == c.out_width * c.kernel_w;
    if (!edge_to_edge || (c.kind == ConvKind::backward_filter && c.kernel_h > 1)) return {};

    // The windows' row i of a row of windows: a matrix [windows, kernel_w * channels] of the image, without a gap.
    const std::int64_t window = c.kernel_w * c.channels, image_row = c.width * c.channels;
    std::vector<MatrixProduct> products;
    for (std::int64_t i = 0; i < c.kernel_h; ++i) {
        MatrixOperand image{.tensor = ConvOperand::image, .offset = i * image_row, .row_stride = window};
        MatrixOperand response{.tensor = ConvOperand::response, .row_stride = c.filters};
        MatrixOperand filter{
            .tensor = ConvOperand::filter, .offset = i * window, .row_stride = c.kernel_h * window, .batch_stride = 0};
        std::int64_t windows = c.images * c.out_height * c.out_width, batch = 1;
        if (c.kernel_h > 1) {  // else rows of windows follow one another as windows do
            batch = c.images * c.out_height;
            windows = c.out_width;
            image.batch_stride = c.kernel_h * image_row;
            response.batch_stride = c.out_width * c.filters;
        }
        switch (c.kind) {
            case ConvKind::forward:
                filter.transposed = true;
                products.push_back({.rows = windows,
                                    .columns = c.filters,
                                    .inner = window,
                                    .batch = batch,
                                    .a = image,
                                    .b = filter,
                                    .out = response,
                                    .accumulate = i > 0,
                                    .bias_repeats = c.bias && i == 0 ? 1 : 0});
                break;
            case ConvKind::backward_data:
                products.push_back({.rows = windows,
                                    .columns = window,
                                    .inner = c.filters,
                                    .batch = batch,
                                    .a = response,
                                    .b = filter,
                                    .out = image,
                                    .bias_repeats = c.bias ? c.kernel_w : 0});
                break;
            case ConvKind::backward_filter:
                response.transposed = true;
                products.push_back({.rows = c.filters,
                                    .columns = window,
                                    .inner = windows,
                                    .batch = batch,
                                    .a = response,
                                    .b = image,
                                    .out = filter});
                break;
        }
    }
    return products;
}

}  // namespace camber::cublas
