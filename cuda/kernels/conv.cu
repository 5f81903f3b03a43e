/// Convolution and its data gradient, hence also the transposed convolution (a data gradient) and its data gradient (a
/// convolution).
///
/// Layout: images [N, H, W, C], weights [Cout, Kh, Kw, Cin]. Arithmetic: 2 N Ho Wo Cout Kh Kw Cin operations; bytes: x,
/// y and w once. For [16, 256, 256, 64] to 64 channels by 3x3 in bf16: 77 Gflop and 268 MB, 290 operations a byte: on
/// an H100, 0.08 ms at the memory's 3.35 TB/s, and as long at the tensor cores' 989 Tflop/s, of which mma.sync can use
/// about two thirds: there tiles are made by warpgroups (warpgroup_gemm.h), one block a multiprocessor. 1x1
/// convolutions of few channels are bound by memory; so is a network's first layer, which in bf16 has a kernel of its
/// own (conv_few_channels.cu).
///
/// Strategy: implicit matrix product (implicit_gemm.h). Rows are output pixels, columns output channels; k runs over
/// the kernel's taps and a pixel's channels, rounded up to whole chunks of 16 bytes, so that a chunk is of one tap and
/// is one copy (or zeros, outside the image). Sums are in f32, in the order of k.
/// - The weight is brought into the order [column, tap, channel] with channels rounded up, and to bf16, by a small
///   kernel first, unless it can be read as it lies: where the optimizer keeps a bf16 copy, forward by rows, and
///   transposed for a data gradient whose channels fill whole slices.
/// - A tile of BM x BN reads 2 (BM + BN) bytes of bf16 for every k and 2 BM BN operations: 64 operations a byte for
///   128 x 128, which would ask more of the L2 cache than it gives. So taps vary fastest in k: neighbouring taps read
///   the same pixels' channels, all but a third of which the L1 cache then has. Consecutive blocks share their pixels:
///   the image comes from memory once.
/// - The data gradient is made in stride_h * stride_w phases: pixels whose positions have the same remainder see the
///   same taps, so that a phase is a convolution of stride 1, and no product with an absent tap is computed.
#include <camber/error.h>

#include <numeric>

#include "cuda/kernels/conv.h"
#include "cuda/kernels/implicit_gemm.h"
#include "cuda/kernels/warpgroup_gemm.h"
#include "cuda/runtime/requirements.h"

namespace camber::CAMBER_GPU {
namespace {

/// One axis of a phase: output first + q * step, for q from 0 to count - 1, reads at start + q * stride + t * dilation
/// through tap first_tap + t * tap_step, for t from 0 to taps - 1.
struct Phase {
    int first, start, stride, dilation, taps, first_tap, tap_step;
};

/// One axis: position q * stride - pad + t * dilation of the image for output q and tap t; of a gradient, output q
/// takes from the position p of the image for which p * stride - pad + t * dilation = q.
struct Axis {
    bool gradient;
    int outputs, image, taps, stride, dilation, pad;
    int phases, count;  ///< outputs of a phase (the last ones of some phases do not exist)
    int tap_step;       ///< of a phase

    Axis(bool is_gradient, std::int64_t output_extent, std::int64_t image_extent, std::int64_t kernel, int stride_,
         int dilation_, int pad_)
        : gradient(is_gradient),
          outputs(static_cast<int>(output_extent)),
          image(static_cast<int>(image_extent)),
          taps(static_cast<int>(kernel)),
          stride(stride_),
          dilation(dilation_),
          pad(pad_),
          phases(gradient ? stride : 1),
          count((outputs + phases - 1) / phases),
          tap_step(phases / std::gcd(phases, dilation)) {}

    __device__ __forceinline__ Phase phase(int index) const {
        if (!gradient) return {0, -pad, stride, dilation, taps, 0, 1};
        const int offset = index + pad;
        if (phases == 1) return {0, offset, 1, -dilation, taps, 0, 1};
        int tap = 0;
        while (tap < tap_step && (offset - tap * dilation) % stride != 0) ++tap;
        const int left = tap < tap_step && tap < taps ? taps - tap : 0;
        return {index,
                (offset - tap * dilation) / stride,
                1,
                -(tap_step * dilation / stride),
                (left + tap_step - 1) / tap_step,
                tap,
                tap_step};
    }
};

template <class T>
struct Correlation {
    const T* image;     ///< [N, vertical.image, horizontal.image, channels]
    const T* weight;    ///< [columns, taps, chunks_a_tap * width] or, as it lies, [channels, taps, columns]
    const float* bias;  ///< [columns] or null
    T* out;             ///< [N, vertical.outputs, horizontal.outputs, columns]
    Axis vertical, horizontal;
    int rows;  ///< output pixels of a phase
    int columns, channels, chunks_a_tap;
    int column_tiles;
    bool vector_out;                                ///< rows of `out` are whole aligned chunks
    FastDivide by_column_tiles, by_area, by_width;  ///< of a phase
};

constexpr int outside = -(1 << 29);  ///< a position that no tap brings into an image

/// `vector`: the image's pixels are whole aligned chunks. `as_it_lies`: the weight, for a data gradient, whose channels
/// are whole slices, as its columns are whole aligned chunks.
template <class Tile, bool vector, bool as_it_lies>
__global__ void __launch_bounds__(Tile::threads,
                                  Tile::resident - (as_it_lies && Tile::rows * Tile::columns == 128 * 64 ? 1 : 0))
    correlate_kernel(Correlation<typename Tile::Element> p) {
    using T = typename Tile::Element;
    using A = typename Tile::A;
    using B = typename Tile::B;
    constexpr int width = vector_width<T>, BM = Tile::rows, BN = Tile::columns, slice = Tile::depth / width;
    T* const shared = implicit_gemm::slices<Tile>();
    const int row_tile = p.by_column_tiles.quotient(static_cast<int>(blockIdx.x));
    const int first_row = row_tile * BM;
    const int first_column = p.by_column_tiles.remainder(static_cast<int>(blockIdx.x), row_tile) * BN;
    const Phase vertical = p.vertical.phase(static_cast<int>(blockIdx.z));
    const Phase horizontal = p.horizontal.phase(static_cast<int>(blockIdx.y));
    // The pixels that this thread fetches chunks of: where their first tap reads.
    const T* base[A::passes];
    int y[A::passes], x[A::passes];
#pragma unroll
    for (int i = 0; i < A::passes; ++i) {
        const int row = first_row + A::line(i);
        const int image = p.by_area.quotient(row), in_image = p.by_area.remainder(row, image);
        const int q = p.by_width.quotient(in_image);
        y[i] = vertical.start + q * vertical.stride;
        x[i] = horizontal.start + p.by_width.remainder(in_image, q) * horizontal.stride;
        base[i] = p.image + ((static_cast<std::int64_t>(image) * p.vertical.image + y[i]) * p.horizontal.image + x[i]) *
                                p.channels;
        if (row >= p.rows) y[i] = outside;
    }
    // The columns: lines of a slice of the weight or, as it lies, chunks of its lines, which then are channels.
    const int padded = p.chunks_a_tap * width, all_taps = p.vertical.taps * p.horizontal.taps;
    const int weight_line = all_taps * (as_it_lies ? p.columns : padded);
    const int column = first_column + (as_it_lies ? B::chunk() * width : B::line(0)), columns = p.columns - column;
    const T* const weight = p.weight + (as_it_lies ? static_cast<std::int64_t>(B::line(0)) * weight_line + column
                                                   : static_cast<std::int64_t>(column) * weight_line);

    // The chunk that this thread fetches next of all of them. Where slices do not straddle taps, taps change faster
    // than channels: neighbouring taps read the same chunks, which then are still in the L1 cache.
    const bool taps_first = p.chunks_a_tap % slice == 0;
    int i = 0, j = 0, channel = A::chunk() * width;
    const auto next_tap = [&] {
        if (++j < horizontal.taps) return;
        j = 0;
        ++i;
    };
    if (!taps_first)
        for (; channel >= padded; channel -= padded) next_tap();

    Tile tile;
    const int chunks = vertical.taps * horizontal.taps * p.chunks_a_tap;
    implicit_gemm::accumulate(tile, shared, (chunks + slice - 1) / slice, [&](T* a, T* b, int) {
        const bool exists = i < vertical.taps;
        const int dy = exists ? i * vertical.dilation : outside, dx = j * horizontal.dilation;
        const int offset = (i * vertical.dilation * p.horizontal.image + dx) * p.channels + channel;
#pragma unroll
        for (int pass = 0; pass < A::passes; ++pass) {
            const bool inside = static_cast<unsigned>(y[pass] + dy) < static_cast<unsigned>(p.vertical.image) &&
                                static_cast<unsigned>(x[pass] + dx) < static_cast<unsigned>(p.horizontal.image);
            implicit_gemm::fetch_chunk<true>(a + A::destination(pass), base[pass] + offset,
                                             inside ? min(width, p.channels - channel) : 0, vector);
        }
        const int tap = (vertical.first_tap + i * vertical.tap_step) * p.horizontal.taps + horizontal.first_tap +
                        j * horizontal.tap_step;
        const T* const from =
            as_it_lies
                ? weight + static_cast<std::int64_t>(channel - A::chunk() * width) * weight_line + tap * p.columns
                : weight + tap * padded + channel;
#pragma unroll
        for (int pass = 0; pass < B::passes; ++pass) {
            const int first = as_it_lies ? 0 : pass * B::lines_a_pass;  // column of the line
            implicit_gemm::fetch_chunk(b + B::destination(pass), from + pass * B::lines_a_pass * weight_line,
                                       exists && first < columns ? width : 0, true);
        }
        if (taps_first) {
            next_tap();
            if (i == vertical.taps) i = 0, channel += Tile::depth;
        } else {
            for (channel += Tile::depth; channel >= padded; channel -= padded) next_tap();
        }
    });

    // Through shared memory, so that threads store whole chunks of pixels.
    constexpr int line = BN + width;
    tile.for_each([&](int row, int column, const float* sums) {
        constexpr int count = Tile::group;
        Vec<T, count> rounded;
#pragma unroll
        for (int i = 0; i < count; ++i) {
            const int c = first_column + column + i;
            rounded[i] = from_float<T>(sums[i] + (p.bias && c < p.columns ? p.bias[c] : 0.0f));
        }
        store<count>(shared + row * line + column, rounded);
    });
    __syncthreads();
    constexpr int chunks_a_row = BN / width;
    for (int at = implicit_gemm::thread(); at < BM * chunks_a_row; at += Tile::threads) {
        const int row = first_row + at / chunks_a_row, column = first_column + at % chunks_a_row * width;
        const int image = p.by_area.quotient(row), in_image = p.by_area.remainder(row, image);
        const int q = p.by_width.quotient(in_image), r = p.by_width.remainder(in_image, q);
        const int oy = vertical.first + q * p.vertical.phases, ox = horizontal.first + r * p.horizontal.phases;
        if (row >= p.rows || column >= p.columns || oy >= p.vertical.outputs || ox >= p.horizontal.outputs) continue;
        const T* const from = shared + at / chunks_a_row * line + at % chunks_a_row * width;
        T* const to =
            p.out +
            ((static_cast<std::int64_t>(image) * p.vertical.outputs + oy) * p.horizontal.outputs + ox) * p.columns +
            column;
        if (p.vector_out) {
            store(to, load<width>(from));
        } else {
            for (int i = 0; i < min(width, p.columns - column); ++i) to[i] = from[i];
        }
    }
}

/// to [columns, taps, padded] = from [columns, taps, channels], zeros after the channels.
template <class W, class T>
__global__ void __launch_bounds__(256)
    pad_weight_kernel(const W* from, T* to, std::int64_t count, int channels, FastDivide by_padded) {
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * 256;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * 256 + threadIdx.x; i < count; i += step) {
        const int line = by_padded.quotient(static_cast<int>(i));
        const int channel = by_padded.remainder(static_cast<int>(i), line);
        const float value =
            channel < channels ? to_float(from[static_cast<std::int64_t>(line) * channels + channel]) : 0.0f;
        to[i] = from_float<T>(value);
    }
}

/// to [columns, taps, padded] = from [channels, taps, columns], zeros after the channels. A block turns 32 channels and
/// 32 columns of a tap.
template <class W, class T>
__global__ void __launch_bounds__(256)
    transpose_weight_kernel(const W* from, T* to, int channels, int columns, int padded) {
    SHARED_MEMORY(tile, float[32][33]);
    const int taps = static_cast<int>(gridDim.z), tap = static_cast<int>(blockIdx.z);
    const int first_channel = static_cast<int>(blockIdx.x) * 32, first_column = static_cast<int>(blockIdx.y) * 32;
    const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
    for (int i = y; i < 32; i += 8) {
        const int channel = first_channel + i, column = first_column + x;
        const bool valid = channel < channels && column < columns;
        tile[i][x] =
            valid ? to_float(from[(static_cast<std::int64_t>(channel) * taps + tap) * columns + column]) : 0.0f;
    }
    __syncthreads();
    for (int i = y; i < 32; i += 8) {
        const int channel = first_channel + x, column = first_column + i;
        if (channel < padded && column < columns)
            to[(static_cast<std::int64_t>(column) * taps + tap) * padded + channel] = from_float<T>(tile[x][i]);
    }
}

/// The weight as [columns, taps, padded] of T, where w is that with fewer channels or, transposed, [channels, taps,
/// columns].
template <class T>
Tensor prepare_weight(const Tensor& w, bool transposed, std::int64_t padded) {
    const std::int64_t taps = w.dim(1) * w.dim(2);
    const std::int64_t columns = w.dim(transposed ? 3 : 0), channels = w.dim(transposed ? 0 : 3);
    if (w.dtype() == dtype_of<T> && !transposed && padded == channels && aligned_to(w, 16)) return w;
    const Tensor prepared = Tensor::empty({columns, taps, padded}, dtype_of<T>, this_device);
    if (prepared.numel() > 0x7fffffff) fail("convolution: the weight {} is too large", w.shape().str());
    dispatch(w, [&]<class W>(W) {
        if (transposed) {
            const auto tiles = [](std::int64_t extent) { return static_cast<unsigned>((extent + 31) / 32); };
            launch("transpose_weight", transpose_weight_kernel<W, T>,
                   {{tiles(padded), tiles(columns), static_cast<unsigned>(taps)}, {32, 8}}, w.data<W>(),
                   prepared.data<T>(), static_cast<int>(channels), static_cast<int>(columns), static_cast<int>(padded));
        } else {
            const auto kernel = pad_weight_kernel<W, T>;
            launch("pad_weight", kernel, {blocks_for(prepared.numel(), 256, resident_blocks(kernel, 256)), 256},
                   w.data<W>(), prepared.data<T>(), prepared.numel(), static_cast<int>(channels), FastDivide(padded));
        }
    });
    return prepared;
}

template <class Tile, bool vector, bool as_it_lies>
void launch_correlate(const char* name, Correlation<typename Tile::Element> p) {
    const std::int64_t row_tiles = (p.rows + Tile::rows - 1) / Tile::rows;
    p.column_tiles = (p.columns + Tile::columns - 1) / Tile::columns;
    p.by_column_tiles = FastDivide(p.column_tiles);
    launch(name, correlate_kernel<Tile, vector, as_it_lies>,
           {{blocks_for(row_tiles * p.column_tiles, 1), static_cast<unsigned>(p.horizontal.phases),
             static_cast<unsigned>(p.vertical.phases)},
            Tile::threads,
            implicit_gemm::shared_bytes<Tile>},
           p);
}

/// y = correlation of x with w, or (gradient) the sum over the correlation's outputs x of what flows back into its
/// input y; plus bias.
template <class T>
void correlate(const char* name, bool gradient, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
               const Conv2dParams& c) {
    constexpr std::int64_t width = vector_width<T>;
    if (y.numel() == 0) return;
    implicit_gemm::check_extents(name, x);
    implicit_gemm::check_extents(name, y);
    const std::int64_t channels = x.dim(3), padded = (channels + width - 1) / width * width;
    const bool as_it_lies = gradient && w.dtype() == Dtype::bf16 && channels % implicit_gemm::depth<T> == 0 &&
                            y.dim(3) % width == 0 && aligned_to(w, 16) && aligned_to(x, 16);
    const Tensor weight = as_it_lies ? w : prepare_weight<T>(w, gradient, padded);
    const Axis vertical(gradient, y.dim(1), x.dim(1), w.dim(1), c.stride_h, c.dilation_h, c.padding.top);
    const Axis horizontal(gradient, y.dim(2), x.dim(2), w.dim(2), c.stride_w, c.dilation_w, c.padding.left);
    const std::int64_t area = std::int64_t{vertical.count} * horizontal.count, columns = y.dim(3);
    const Correlation<T> p = {.image = x.data<T>(),
                              .weight = weight.data<T>(),
                              .bias = pointer<float>(bias),
                              .out = y.data<T>(),
                              .vertical = vertical,
                              .horizontal = horizontal,
                              .rows = static_cast<int>(y.dim(0) * area),
                              .columns = static_cast<int>(columns),
                              .channels = static_cast<int>(channels),
                              .chunks_a_tap = static_cast<int>(padded / width),
                              .column_tiles = 0,
                              .vector_out = columns % width == 0 && aligned_to(y, 16),
                              .by_column_tiles = {},
                              .by_area = FastDivide(area),
                              .by_width = FastDivide(horizontal.count)};
    const bool vector = padded == channels && aligned_to(x, 16);
    // Large tiles need less traffic, small ones make more blocks: enough for every multiprocessor to have one.
    constexpr std::int64_t enough = 128;
    const std::int64_t phases = vertical.phases * horizontal.phases;
    const auto blocks = [&](std::int64_t bm, std::int64_t bn) {
        return phases * ((p.rows + bm - 1) / bm) * ((columns + bn - 1) / bn);
    };
    using implicit_gemm::Tile;
    if (!vector) return launch_correlate<Tile<T, 64, 64, false, false>, false, false>(name, p);
    const auto launch_vector = [&]<bool lies>(std::bool_constant<lies>) {
        if constexpr (std::is_same_v<T, bf16>) {
            if (implicit_gemm::has_warpgroup_products() && channels % 64 == 0 && columns % 64 == 0) {
                using implicit_gemm::WarpgroupTile;
                // One block a multiprocessor: a larger tile if it leaves few of them idle.
                const std::int64_t held = device_properties().multiprocessors;
                if (columns % 256 == 0 && 10 * blocks(128, 256) >= 9 * held)
                    return launch_correlate<WarpgroupTile<128, 256, false, lies>, true, lies>(name, p);
                if (columns > 64 && 10 * blocks(256, 128) >= 9 * held)
                    return launch_correlate<WarpgroupTile<256, 128, false, lies>, true, lies>(name, p);
                if (columns > 64 && 8 * blocks(128, 128) >= held)
                    return launch_correlate<WarpgroupTile<128, 128, false, lies>, true, lies>(name, p);
                if (columns == 64 && 8 * blocks(256, 64) >= held)
                    return launch_correlate<WarpgroupTile<256, 64, false, lies>, true, lies>(name, p);
            }
            if (columns > 64 && blocks(128, 128) >= enough)
                return launch_correlate<Tile<T, 128, 128, false, lies>, true, lies>(name, p);
            if (columns <= 64 && blocks(256, 64) >= enough)
                return launch_correlate<Tile<T, 256, 64, false, lies>, true, lies>(name, p);
        }
        if (blocks(128, 64) >= enough) return launch_correlate<Tile<T, 128, 64, false, lies>, true, lies>(name, p);
        launch_correlate<Tile<T, 64, 64, false, lies>, true, lies>(name, p);
    };
    if constexpr (std::is_same_v<T, bf16>)
        if (as_it_lies) return launch_vector(std::true_type{});
    launch_vector(std::false_type{});
}

}  // namespace

void own_convolution(const ConvCall& call) {
    if (const std::string why = why_not_in(device_properties(), call.image.dtype()); !why.empty())
        fail("{}: {}", call.name, why);
    if (call.kind == ConvKind::backward_filter) return own_filter_gradient(call);
    if (own_convolution_of_few_channels(call)) return;
    dispatch(call.image, [&](auto t) {
        const bool gradient = call.kind == ConvKind::backward_data;
        const Tensor rounded = call.rounded_filter();
        correlate<decltype(t)>(call.name, gradient, gradient ? call.response : call.image,
                               rounded ? rounded : call.filter, call.bias, gradient ? call.image : call.response,
                               call.params);
    });
}

}  // namespace camber::CAMBER_GPU
