#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "cuda/kernels/conv.h"

/// Convolutions as matrix products of their tensors where these lie in memory, nothing packed or copied.
namespace camber::cublas {

/// The extents of a ConvCall.
struct ConvExtents {
    ConvKind kind = ConvKind::forward;
    std::int64_t images = 0, height = 0, width = 0, channels = 0;
    std::int64_t filters = 0, kernel_h = 0, kernel_w = 0;
    std::int64_t out_height = 0, out_width = 0;
    bool bias = false;
    Conv2dParams params;
};
ConvExtents extents_of(const ConvCall& call);

enum class ConvOperand { image, filter, response };

/// A batch of matrices in one of the convolution's tensors, all counts in elements. Element (r, c) of matrix b is at
/// offset + b * batch_stride + r * row_stride + c, or transposed (rows and columns exchanged).
struct MatrixOperand {
    ConvOperand tensor = ConvOperand::image;
    std::int64_t offset = 0, row_stride = 0, batch_stride = 0;
    bool transposed = false;
};

/// out [rows, columns] = a [rows, inner] times b [inner, columns], for every matrix of the batch.
struct MatrixProduct {
    std::int64_t rows = 0, columns = 0, inner = 0, batch = 1;
    MatrixOperand a, b, out;  ///< out is not transposed
    bool accumulate = false;  ///< out += instead
    std::int64_t bias_repeats =
        0;  ///< > 0: the convolution's bias, so many times in a row, is added to every row of out
};

/// The products that, run in order, are the convolution; empty where it is none. They are there for windows that lie
/// edge to edge (stride equal to the kernel, no padding, nothing left over): 1x1 convolutions, linear layers, 2x2
/// transposed convolutions of stride 2. Of a kernel of several rows each is one product, batched over the rows of
/// the response; its filter gradient, a sum over the batch, is none.
std::vector<MatrixProduct> matrix_products(const ConvExtents& conv);

}  // namespace camber::cublas
