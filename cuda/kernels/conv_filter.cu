/// The gradient of a convolution's weight, and of a transposed one's: the same with its input and output exchanged.
///
/// dw [Cout, Kh, Kw, Cin] = sum over output pixels of dy [pixel, Cout] times the image's channels that tap and pixel
/// read. Arithmetic: 2 N Ho Wo Cout Kh Kw Cin operations; bytes: x and dy once. For [16, 256, 256, 64] to 64 channels
/// by 3x3 in bf16: 77 Gflop and 268 MB, bound by the tensor cores as the convolution is (conv.cu).
///
/// Strategy: implicit matrix product (implicit_gemm.h) with k over pixels: rows are output channels, columns are taps
/// times input channels (rounded up to whole chunks), and both operands lie transposed. There are few outputs and a
/// million pixels, so pixels are split between blocks. Their partial sums, in f32, are added in pairs, pairs of pairs
/// and so on: the block of a pair that ends second, whichever it is, adds what the other has left to what it has in
/// registers, and goes on for both. The number of parts and so the order follow from the shape alone: the same bits on
/// every GPU.
#include <camber/error.h>

#include <algorithm>

#include "cuda/kernels/conv.h"
#include "cuda/kernels/implicit_gemm.h"
#include "cuda/kernels/reduce.h"
#include "cuda/kernels/warpgroup_gemm.h"
#include "cuda/runtime/arrivals.h"

namespace camber::CAMBER_GPU {
namespace {

/// One axis: tap t of output q reads position q * stride - pad + t * dilation of the image.
struct Axis {
    int image, taps, stride, dilation, pad;
};

/// How the position in the image where output pixels begin to read goes on from one to that `depth` further: a division
/// a pixel would be most of a slice's instructions.
struct Walk {
    int y, x, at;                            ///< the step; at: of the pixel's number in all images
    int end_y, end_x, next_image, next_row;  ///< where an image and a row end, and what is added to `at` there

    Walk() = default;
    Walk(const Axis& vertical, const Axis& horizontal, int height, int width, int depth)
        : y(depth / width * vertical.stride),
          x(depth % width * horizontal.stride),
          at(y * horizontal.image + x),
          end_y(height * vertical.stride),
          end_x(width * horizontal.stride),
          next_image((vertical.image - end_y) * horizontal.image),
          next_row(vertical.stride * horizontal.image - end_x) {}
};

template <class T>
struct FilterGradient {
    const T* image;     ///< [N, vertical.image, horizontal.image, channels]
    const T* gradient;  ///< [pixels, rows]
    float* out;         ///< [rows, taps, channels]
    float* partial;     ///< [parts, rows, taps, channels]; null for a single part
    unsigned* arrived;  ///< [tiles, parts]
    Axis vertical, horizontal;
    int height, width;  ///< of the gradient
    int pixels, pixels_a_part;
    int rows, channels;
    int columns;  ///< taps * channels rounded up to whole chunks
    int column_tiles;
    bool vector_image, vector_gradient;  ///< pixels are whole aligned chunks
    FastDivide by_column_tiles, by_area, by_width, by_padded_channels, by_horizontal_taps;
    Walk walk;
};

/// `vector`: the image's pixels and the gradient's are whole aligned chunks.
template <class Tile, bool vector>
__global__ void __launch_bounds__(Tile::threads, Tile::resident)
    filter_gradient_kernel(FilterGradient<typename Tile::Element> p) {
    using T = typename Tile::Element;
    using A = typename Tile::A;
    using B = typename Tile::B;
    constexpr int width = vector_width<T>, depth = Tile::depth, BM = Tile::rows, BN = Tile::columns;
    T* const shared = implicit_gemm::slices<Tile>();
    const int row_tile = p.by_column_tiles.quotient(static_cast<int>(blockIdx.x));
    const int first_row = row_tile * BM;
    const int first_column = p.by_column_tiles.remainder(static_cast<int>(blockIdx.x), row_tile) * BN;
    const int part = static_cast<int>(blockIdx.y);
    const int first_pixel = part * p.pixels_a_part;
    const int pixels = min(p.pixels - first_pixel, p.pixels_a_part);

    // The channels that this thread fetches, the same of every pixel.
    const int row = first_row + A::chunk() * width;
    const int row_count = min(width, p.rows - row);
    const int column = first_column + B::chunk() * width;
    const int tap = p.by_padded_channels.quotient(column);
    const int channel = p.by_padded_channels.remainder(column, tap);
    const int column_count = column < p.columns ? min(width, p.channels - channel) : 0;
    const int tap_row = p.by_horizontal_taps.quotient(tap);
    const int dy = tap_row * p.vertical.dilation - p.vertical.pad;
    const int dx = p.by_horizontal_taps.remainder(tap, tap_row) * p.horizontal.dilation - p.horizontal.pad;

    const T* const gradient = p.gradient + static_cast<std::int64_t>(first_pixel + A::line(0)) * p.rows + row;
    const T* const image = p.image + channel;
    // Of the pixels that this thread fetches chunks of next: where their first tap reads, without padding.
    int y[B::passes], x[B::passes], at[B::passes];
#pragma unroll
    for (int pass = 0; pass < B::passes; ++pass) {
        const int pixel = first_pixel + B::line(pass);
        const int n = p.by_area.quotient(pixel), in_image = p.by_area.remainder(pixel, n);
        const int q = p.by_width.quotient(in_image);
        y[pass] = q * p.vertical.stride;
        x[pass] = p.by_width.remainder(in_image, q) * p.horizontal.stride;
        at[pass] = (n * p.vertical.image + y[pass]) * p.horizontal.image + x[pass];
    }
    const int tap_offset = dy * p.horizontal.image + dx;

    Tile tile;
    implicit_gemm::accumulate(tile, shared, (pixels + depth - 1) / depth, [&](T* a, T* b, int slice) {
        const int done = slice * depth;
        const T* const from = gradient + static_cast<std::int64_t>(done) * p.rows;
#pragma unroll
        for (int pass = 0; pass < A::passes; ++pass)
            implicit_gemm::fetch_chunk(a + A::destination(pass), from + pass * A::lines_a_pass * p.rows,
                                       done + A::line(pass) < pixels ? row_count : 0, vector || p.vector_gradient);
#pragma unroll
        for (int pass = 0; pass < B::passes; ++pass) {
            const bool inside = done + B::line(pass) < pixels &&
                                static_cast<unsigned>(y[pass] + dy) < static_cast<unsigned>(p.vertical.image) &&
                                static_cast<unsigned>(x[pass] + dx) < static_cast<unsigned>(p.horizontal.image);
            implicit_gemm::fetch_chunk(b + B::destination(pass),
                                       image + static_cast<std::int64_t>(at[pass] + tap_offset) * p.channels,
                                       inside ? column_count : 0, vector || p.vector_image);
            y[pass] += p.walk.y;
            x[pass] += p.walk.x;
            at[pass] += p.walk.at;
            if (x[pass] >= p.walk.end_x) {
                x[pass] -= p.walk.end_x;
                y[pass] += p.vertical.stride;
                at[pass] += p.walk.next_row;
            }
            while (y[pass] >= p.walk.end_y) {
                y[pass] -= p.walk.end_y;
                at[pass] += p.walk.next_image;
            }
        }
    });

    // The tile in shared memory, from where threads take neighbouring sums, each its own ones until the end.
    static_assert(BM * BN * sizeof(float) <= implicit_gemm::shared_bytes<Tile>);
    float* const sums = reinterpret_cast<float*>(shared);
    tile.for_each([&](int in_row, int in_column, const float* group) {
#pragma unroll
        for (int i = 0; i < Tile::group; ++i) sums[in_row * BN + in_column + i] = group[i];
    });
    __syncthreads();
    const int taps = p.vertical.taps * p.horizontal.taps;
    // Calls f(position in the gradient, sum) for every sum of this thread that is in it.
    const auto for_sums = [&](auto f) {
#pragma unroll 4
        for (int i = implicit_gemm::thread(); i < BM * BN; i += Tile::threads) {
            const int r = first_row + i / BN, c = first_column + i % BN;
            const int t = p.by_padded_channels.quotient(c), k = p.by_padded_channels.remainder(c, t);
            if (r < p.rows && t < taps && k < p.channels)
                f((static_cast<std::int64_t>(r) * taps + t) * p.channels + k, sums[i]);
        }
    };
    const auto left_by = [&](int which) {
        return p.partial + static_cast<std::int64_t>(which) * p.rows * taps * p.channels;
    };
    const int parts = static_cast<int>(gridDim.y);
    int index = part;  // the first of the parts whose sums this block has
    for (int span = 1; span < parts; span *= 2) {
        const int other = index ^ span;
        if (other >= parts) continue;
        for_sums([own = left_by(index)](std::int64_t at, float sum) { own[at] = sum; });
        // Where the pair's parts meet is a number that no other pair has.
        const int meeting = max(index, other);
        if (!last_to_arrive(p.arrived + blockIdx.x * gridDim.y + static_cast<unsigned>(meeting), 2)) return;
        for_sums([its = left_by(other)](std::int64_t at, float& sum) { sum += from_other_block(its + at); });
        index = min(index, other);
    }
    for_sums([&](std::int64_t at, float sum) { p.out[at] = sum; });
}

template <class Tile, bool vector>
void launch_filter_gradient(const char* name, FilterGradient<typename Tile::Element> p, const Tensor& dw) {
    p.column_tiles = (p.columns + Tile::columns - 1) / Tile::columns;
    p.by_column_tiles = FastDivide(p.column_tiles);
    const std::int64_t tiles = std::int64_t{p.column_tiles} * ((p.rows + Tile::rows - 1) / Tile::rows);
    // A few blocks for every multiprocessor, of warpgroups as many as it holds at a time, of 256 pixels at least.
    constexpr std::int64_t blocks = Tile::depth == 64 ? 264 : 512;
    const std::int64_t wanted = std::max<std::int64_t>(1, blocks / tiles);
    const std::int64_t pixels_a_part = std::max<std::int64_t>(256, (p.pixels + wanted - 1) / wanted);
    constexpr std::int64_t unit = std::max(32, Tile::depth);
    p.pixels_a_part = static_cast<int>((pixels_a_part + unit - 1) / unit * unit);
    const std::int64_t parts = (p.pixels + p.pixels_a_part - 1) / p.pixels_a_part;
    if (parts > 1 && tiles * parts > arrival_counter_count) fail("{}: no counter for {} parts", name, tiles * parts);
    const Tensor partial = parts > 1 ? Tensor::empty({parts, dw.numel()}, Dtype::f32, this_device) : Tensor();
    p.partial = pointer<float>(partial);
    p.walk = Walk(p.vertical, p.horizontal, p.height, p.width, Tile::depth);
    p.arrived = arrival_counters();
    launch(name, filter_gradient_kernel<Tile, vector>,
           {{static_cast<unsigned>(tiles), static_cast<unsigned>(parts)},
            Tile::threads,
            implicit_gemm::shared_bytes<Tile>},
           p);
}

/// dw = gradient of the convolution from x to dy's shape with respect to its weight.
template <class T>
void filter_gradient(const char* name, const Tensor& x, const Tensor& dy, const Tensor& dw, const Conv2dParams& c) {
    constexpr std::int64_t width = vector_width<T>;
    if (dw.numel() == 0) return;
    implicit_gemm::check_extents(name, x);
    implicit_gemm::check_extents(name, dy);
    const auto axis = [&](int dim, int stride, int dilation, int pad) {
        return Axis{static_cast<int>(x.dim(dim)), static_cast<int>(dw.dim(dim)), stride, dilation, pad};
    };
    const std::int64_t channels = x.dim(3), padded = (channels + width - 1) / width * width;
    const bool vector_image = padded == channels && aligned_to(x, 16);
    const bool vector_gradient = dy.dim(3) % width == 0 && aligned_to(dy, 16);
    const FilterGradient<T> p = {.image = x.data<T>(),
                                 .gradient = dy.data<T>(),
                                 .out = dw.data<float>(),
                                 .partial = nullptr,
                                 .arrived = nullptr,
                                 .vertical = axis(1, c.stride_h, c.dilation_h, c.padding.top),
                                 .horizontal = axis(2, c.stride_w, c.dilation_w, c.padding.left),
                                 .height = static_cast<int>(dy.dim(1)),
                                 .width = static_cast<int>(dy.dim(2)),
                                 .pixels = static_cast<int>(dy.dim(0) * dy.dim(1) * dy.dim(2)),
                                 .pixels_a_part = 0,
                                 .rows = static_cast<int>(dy.dim(3)),
                                 .channels = static_cast<int>(channels),
                                 .columns = static_cast<int>(dw.dim(1) * dw.dim(2) * padded),
                                 .column_tiles = 0,
                                 .vector_image = vector_image,
                                 .vector_gradient = vector_gradient,
                                 .by_column_tiles = {},
                                 .by_area = FastDivide(dy.dim(1) * dy.dim(2)),
                                 .by_width = FastDivide(dy.dim(2)),
                                 .by_padded_channels = FastDivide(padded),
                                 .by_horizontal_taps = FastDivide(dw.dim(2)),
                                 .walk = {}};
    using implicit_gemm::Tile;
    if (!vector_image || !vector_gradient) return launch_filter_gradient<Tile<T, 64, 64, true>, false>(name, p, dw);
    if constexpr (std::is_same_v<T, bf16>) {
        if (implicit_gemm::has_warpgroup_products() && p.rows % 64 == 0 && p.columns > 64) {
            using implicit_gemm::WarpgroupTile;
            if (p.rows == 64) return launch_filter_gradient<WarpgroupTile<64, 128, true, true, 2>, true>(name, p, dw);
            return launch_filter_gradient<WarpgroupTile<128, 128, true, true, 2>, true>(name, p, dw);
        }
        if (p.rows > 64 && p.columns > 64) return launch_filter_gradient<Tile<T, 128, 128, true>, true>(name, p, dw);
        if (p.columns > 64) return launch_filter_gradient<Tile<T, 64, 128, true>, true>(name, p, dw);
    }
    if (p.rows > 64) return launch_filter_gradient<Tile<T, 128, 64, true>, true>(name, p, dw);
    launch_filter_gradient<Tile<T, 64, 64, true>, true>(name, p, dw);
}

}  // namespace

void own_filter_gradient(const ConvCall& call) {
    dispatch(call.image, [&](auto t) {
        filter_gradient<decltype(t)>(call.name, call.image, call.response, call.filter, call.params);
    });
}

}  // namespace camber::CAMBER_GPU
