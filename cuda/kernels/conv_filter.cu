/// The gradients of a convolution's weight and bias, and of a transposed one's: the same with its input and output
/// exchanged.
///
/// dw [Cout, Kh, Kw, Cin] = sum over output pixels of dy [pixel, Cout] times the image's channels that tap and pixel
/// read. Arithmetic: 2 N Ho Wo Cout Kh Kw Cin operations; bytes: x and dy once. For [16, 256, 256, 64] to 64 channels
/// by 3x3 in bf16: 77 Gflop and 268 MB, bound by the tensor cores as the convolution is (conv.cu).
///
/// Strategy: implicit matrix product (implicit_gemm.h) with k over pixels: rows are output channels, columns are taps
/// times input channels (rounded up to whole chunks), and both operands lie transposed. There are few outputs and a
/// million pixels, so pixels are split between blocks, whose partial sums, in f32, a second kernel adds in order. The
/// number of parts follows from the shape alone: the same bits on every GPU. db is a sum over columns in two stages as
/// well.
#include <camber/error.h>

#include <algorithm>

#include "cuda/kernels/convolutions.h"
#include "cuda/kernels/implicit_gemm.h"

namespace camber::CAMBER_GPU {
namespace {

using implicit_gemm::threads;

/// One axis: tap t of output q reads position q * stride - pad + t * dilation of the image.
struct Axis {
    int image, taps, stride, dilation, pad;
};

template <class T>
struct FilterGradient {
    const T* image;     ///< [N, vertical.image, horizontal.image, channels]
    const T* gradient;  ///< [pixels, rows]
    float* out;         ///< [parts, rows, taps, channels]
    Axis vertical, horizontal;
    int pixels, pixels_a_part;
    int rows, channels;
    int columns;  ///< taps * channels rounded up to whole chunks
    int column_tiles;
    bool vector_image, vector_gradient;  ///< pixels are whole aligned chunks
    FastDivide by_column_tiles, by_area, by_width, by_padded_channels, by_horizontal_taps;
};

/// `vector`: the image's pixels and the gradient's are whole aligned chunks.
template <class T, int BM, int BN, bool vector>
__global__ void __launch_bounds__(threads, implicit_gemm::resident<T, BM, BN>)
    filter_gradient_kernel(FilterGradient<T> p) {
    using Tile = implicit_gemm::Tile<T, BM, BN, true>;
    using A = typename Tile::A;
    using B = typename Tile::B;
    constexpr int width = vector_width<T>, depth = implicit_gemm::depth<T>;
    T* const shared = dynamic_shared<T>();
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
            const int pixel = first_pixel + done + B::line(pass);
            const int n = p.by_area.quotient(pixel), in_image = p.by_area.remainder(pixel, n);
            const int q = p.by_width.quotient(in_image);
            const int y = q * p.vertical.stride + dy;
            const int x = p.by_width.remainder(in_image, q) * p.horizontal.stride + dx;
            const bool inside = done + B::line(pass) < pixels &&
                                static_cast<unsigned>(y) < static_cast<unsigned>(p.vertical.image) &&
                                static_cast<unsigned>(x) < static_cast<unsigned>(p.horizontal.image);
            const int at = (n * p.vertical.image + y) * p.horizontal.image + x;
            implicit_gemm::fetch_chunk(b + B::destination(pass), image + static_cast<std::int64_t>(at) * p.channels,
                                       inside ? column_count : 0, vector || p.vector_image);
        }
    });

    const int taps = p.vertical.taps * p.horizontal.taps;
    float* const out = p.out + static_cast<std::int64_t>(part) * p.rows * taps * p.channels;
    tile.for_each([&](int in_row, int in_column, auto sums) {
        constexpr int count = sizeof(sums) / sizeof(float);
        const int r = first_row + in_row, c = first_column + in_column;
        const int t = p.by_padded_channels.quotient(c), first = p.by_padded_channels.remainder(c, t);
        if (r >= p.rows || t >= taps) return;
        float* const to = out + (static_cast<std::int64_t>(r) * taps + t) * p.channels + first;
#pragma unroll
        for (int i = 0; i < count; ++i)
            if (first + i < p.channels) to[i] = sums[i];
    });
}

constexpr int sum_threads = 256;

/// to[i] = the sum of from[part][i] over parts: 8 sums of every eighth part, then those in order.
__global__ void __launch_bounds__(sum_threads)
    sum_parts_kernel(const float* from, float* to, std::int64_t count, int parts) {
    SHARED_MEMORY(sums, float[8][32]);
    const int x = static_cast<int>(threadIdx.x) % 32, y = static_cast<int>(threadIdx.x) / 32;
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * 32 + x;
    float sum = 0;
    if (i < count) {
#pragma unroll 8
        for (int part = y; part < parts; part += 8) sum += from[part * count + i];
    }
    sums[y][x] = sum;
    __syncthreads();
    if (y != 0 || i >= count) return;
    float total = 0;
#pragma unroll
    for (int k = 0; k < 8; ++k) total += sums[k][x];
    to[i] = total;
}

void sum_parts(const Tensor& from, float* to, std::int64_t count, std::int64_t parts) {
    launch("sum_parts", sum_parts_kernel, {blocks_for(count, 32), sum_threads}, from.data<float>(), to, count,
           static_cast<int>(parts));
}

/// to[part][c] = the sum of from[pixel][c] over a part's pixels. A block has `groups` (a power of two) groups of
/// `width` channels beside one another.
template <class T, int width>
__global__ void __launch_bounds__(sum_threads)
    sum_pixels_kernel(const T* from, float* to, std::int64_t pixels, int pixels_a_part, int channels, int groups) {
    SHARED_MEMORY(sums, float[sum_threads][width]);
    const int thread = static_cast<int>(threadIdx.x);
    const int in_flight = sum_threads / groups;  // pixels
    const int channel = (static_cast<int>(blockIdx.x) * groups + thread % groups) * width;
    const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * pixels_a_part;
    const int count = static_cast<int>(min(static_cast<std::int64_t>(pixels_a_part), pixels - first));
    float sum[width] = {};
    if (channel < channels) {
        const T* const start = from + first * channels + channel;
#pragma unroll 4
        for (int i = thread / groups; i < count; i += in_flight) {
            const Vec<T, width> values = load<width>(start + static_cast<std::int64_t>(i) * channels);
#pragma unroll
            for (int k = 0; k < width; ++k) sum[k] += to_float(values[k]);
        }
    }
#pragma unroll
    for (int k = 0; k < width; ++k) sums[thread][k] = sum[k];
    __syncthreads();
    for (int i = thread; i < groups * width; i += sum_threads) {
        const int c = static_cast<int>(blockIdx.x) * groups * width + i;
        if (c >= channels) continue;
        float total = 0;
        for (int k = 0; k < in_flight; ++k) total += sums[k * groups + i / width][i % width];
        to[static_cast<std::int64_t>(blockIdx.y) * channels + c] = total;
    }
}

/// db = sum of dy over pixels.
template <class T>
void bias_gradient(const Tensor& dy, const Tensor& db) {
    const std::int64_t channels = dy.dim(3), pixels = dy.numel() / channels;
    // At most 512 parts, to keep the second stage small.
    const std::int64_t pixels_a_part = std::max<std::int64_t>(256, (pixels + 511) / 512);
    const std::int64_t parts = (pixels + pixels_a_part - 1) / pixels_a_part;
    const Tensor partial = parts > 1 ? Tensor::empty({parts, channels}, Dtype::f32, this_device) : Tensor();
    const bool vector = channels % vector_width<T> == 0 && aligned_to(dy, 16);
    const std::int64_t vectors = vector ? channels / vector_width<T> : channels;
    const int groups = static_cast<int>(std::bit_ceil(static_cast<std::uint64_t>(std::min<std::int64_t>(vectors, 32))));
    launch("conv_bias_gradient", vector ? sum_pixels_kernel<T, vector_width<T>> : sum_pixels_kernel<T, 1>,
           {{blocks_for(vectors, groups), static_cast<unsigned>(parts)}, sum_threads}, dy.data<T>(),
           parts > 1 ? partial.data<float>() : db.data<float>(), pixels, static_cast<int>(pixels_a_part),
           static_cast<int>(channels), groups);
    if (parts > 1) sum_parts(partial, db.data<float>(), channels, parts);
}

template <class T, int BM, int BN, bool vector>
void launch_filter_gradient(const char* name, FilterGradient<T> p, const Tensor& dw) {
    using Tile = implicit_gemm::Tile<T, BM, BN, true>;
    p.column_tiles = (p.columns + BN - 1) / BN;
    p.by_column_tiles = FastDivide(p.column_tiles);
    const std::int64_t tiles = std::int64_t{p.column_tiles} * ((p.rows + BM - 1) / BM);
    // About 512 blocks, a few for every multiprocessor, of 256 pixels at least.
    const std::int64_t wanted = std::max<std::int64_t>(1, 512 / tiles);
    const std::int64_t pixels_a_part = std::max<std::int64_t>(256, (p.pixels + wanted - 1) / wanted);
    p.pixels_a_part = static_cast<int>((pixels_a_part + 31) / 32 * 32);
    const std::int64_t parts = (p.pixels + p.pixels_a_part - 1) / p.pixels_a_part;
    const Tensor partial = parts > 1 ? Tensor::empty({parts, dw.numel()}, Dtype::f32, this_device) : dw;
    p.out = partial.data<float>();
    launch(
        name, filter_gradient_kernel<T, BM, BN, vector>,
        {{static_cast<unsigned>(tiles), static_cast<unsigned>(parts)}, threads, implicit_gemm::shared_bytes<Tile, T>},
        p);
    if (parts > 1) sum_parts(partial, dw.data<float>(), dw.numel(), parts);
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
                                 .out = nullptr,
                                 .vertical = axis(1, c.stride_h, c.dilation_h, c.padding.top),
                                 .horizontal = axis(2, c.stride_w, c.dilation_w, c.padding.left),
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
                                 .by_horizontal_taps = FastDivide(dw.dim(2))};
    if (!vector_image || !vector_gradient) return launch_filter_gradient<T, 64, 64, false>(name, p, dw);
    if constexpr (std::is_same_v<T, bf16>) {
        if (p.rows > 64 && p.columns > 64) return launch_filter_gradient<T, 128, 128, true>(name, p, dw);
        if (p.columns > 64) return launch_filter_gradient<T, 64, 128, true>(name, p, dw);
    }
    if (p.rows > 64) return launch_filter_gradient<T, 128, 64, true>(name, p, dw);
    launch_filter_gradient<T, 64, 64, true>(name, p, dw);
}

}  // namespace

void convolution_bias_gradient(const Tensor& dy, const Tensor& db) {
    dispatch(dy, [&](auto t) { bias_gradient<decltype(t)>(dy, db); });
}

void own_filter_gradient(const ConvCall& call) {
    dispatch(call.image, [&](auto t) {
        filter_gradient<decltype(t)>(call.name, call.image, call.response, call.filter, call.params);
    });
}

}  // namespace camber::CAMBER_GPU
