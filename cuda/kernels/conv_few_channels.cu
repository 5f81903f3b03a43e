/// Convolution of an image with few channels in bf16, as a network's first one is: taps * channels <= 32.
///
/// Layout: image [N, H, W, C], weight [K, Kh, Kw, C], response [N, Ho, Wo, K]. Bytes: image and response once, so for
/// [16, 256, 256, 3] to 64 filters by 3x3 6 MB read and 134 MB written: 0.042 ms at 3.35 TB/s. Arithmetic: 4.3 Gflop
/// with k rounded up to 32, nothing beside that. What counts is that stores are whole sectors and never wait for long.
///
/// Strategy: a matrix product by tensor cores whose k, all of it, is two steps of mma.sync: flat over taps and
/// channels, as a filter lies in memory, so that no channel is padded.
/// - A block holds up to 64 filters in registers, as fragments, for its whole life, and passes over tiles of 32 x 8
///   output pixels. What a tile reads of the image is brought to shared memory as it lies (lines of elements, zeros
///   outside the image), from where a lane gathers its elements of k one by one: where they are is the same for every
///   pixel.
/// - Column n of the product's tile j is filter 32 * (j / 4) + 8 * (n / 2) + 2 * (j % 4) + n % 2: so a lane has 8
///   consecutive filters of a pixel, one store of 16 bytes, and four lanes 64 bytes of it.
#include <algorithm>

#include "cuda/kernels/conv.h"
#include "cuda/kernels/implicit_gemm.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 128, warps = threads / 32;
constexpr int tile_width = 32, tile_height = 8;  ///< output pixels; a warp makes 16 of a line at a time
constexpr int strips_a_line = tile_width / 16, strips = strips_a_line * tile_height;
constexpr int batch = tile_height + 2;  ///< lines of the image brought at a time: what a 3x3 filter reads
constexpr int depth = 32;               ///< most taps * channels
constexpr int most_shared = 32 << 10;   ///< bytes of image a block may want

/// One axis: tap t of output q reads position q * stride - pad + t * dilation of the image.
struct Axis {
    int outputs, image, taps, stride, dilation, pad;

    /// Positions of the image between the first and the last that `count` outputs read.
    std::int64_t reach(int count) const {
        return (count - 1) * std::int64_t{stride} + (taps - 1) * std::int64_t{dilation} + 1;
    }
};

template <class W>
struct FewChannels {
    const bf16* image;  ///< [N, vertical.image, horizontal.image, channels]
    const W* weight;    ///< [filters, taps, channels]
    const float* bias;  ///< [filters] or null
    bf16* out;          ///< [N, vertical.outputs, horizontal.outputs, filters]
    Axis vertical, horizontal;
    int filters, channels;
    int lines, line;  ///< of the image that a tile is brought, in whole batches; elements of one
    int tiles;
    FastDivide by_tiles_across, by_tiles_down;
};

/// What a block keeps for all its tiles.
template <int groups>
struct Constant {
    Vec<float, 4> bias[8 * groups];
    unsigned weight[32 * groups][depth / 2 + 1];  ///< pairs; one more, so that a fragment's lines lie in other banks
    Vec<int, 2> offset[depth / 2];                ///< of a pixel's elements from its first one
};

__device__ __forceinline__ unsigned pair_of(bf16 a, bf16 b) { return std::bit_cast<unsigned>(Vec<bf16, 2>{{a, b}}); }

/// `groups` of 32 filters from filter blockIdx.y * 32 * groups on.
template <class W, int groups>
__global__ void __launch_bounds__(threads, groups == 1 ? 6 : 5) few_channels_kernel(FewChannels<W> p) {
    SHARED_MEMORY(constant, Constant<groups>);
    bf16* const shared = dynamic_shared<bf16>();
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
    const int first_filter = static_cast<int>(blockIdx.y) * 32 * groups;
    const int elements = p.vertical.taps * p.horizontal.taps * p.channels;  // of a filter
    // The pair of elements of k in a lane's fragments: of step s, half h.
    const auto pair = [&](int s, int h) { return s * 8 + h * 4 + lane % 4; };

    // Everything that is the same for every tile, zeros beyond a filter's last element.
    for (int i = thread; i < 32 * groups * depth / 2; i += threads) {
        const int filter = i / (depth / 2), k = i % (depth / 2) * 2;
        const W* const from = p.weight + (first_filter + filter) * elements;
        const auto element = [&](int at) {
            return from_float<bf16>(first_filter + filter < p.filters && at < elements ? to_float(from[at]) : 0.0f);
        };
        constant.weight[filter][k / 2] = pair_of(element(k), element(k + 1));
    }
    if (thread < 32 * groups)
        constant.bias[thread / 4][thread % 4] =
            p.bias && first_filter + thread < p.filters ? p.bias[first_filter + thread] : 0.0f;
    if (thread < depth) {
        const int tap = thread / p.channels, channel = thread % p.channels;
        const int i = tap / p.horizontal.taps, j = tap % p.horizontal.taps;
        const int at = i * p.vertical.dilation * p.line + j * p.horizontal.dilation * p.channels + channel;
        constant.offset[thread / 2][thread % 2] = thread < elements ? at : 0;
    }
    __syncthreads();
    unsigned filters[groups * 4][2][2];
#pragma unroll
    for (int j = 0; j < groups * 4; ++j)
#pragma unroll
        for (int s = 0; s < 2; ++s)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                const int n = lane / 4;
                filters[j][s][h] = constant.weight[j / 4 * 32 + n / 2 * 8 + j % 4 * 2 + n % 2][pair(s, h)];
            }
    unsigned mask[2][2];  // not a product with zero instead: the image may be infinite there
#pragma unroll
    for (int s = 0; s < 2; ++s)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const int left = elements - 2 * pair(s, h);
            mask[s][h] = left > 1 ? 0xffffffffu : left > 0 ? 0xffffu : 0;
        }

    const int image_line = p.horizontal.image * p.channels;
    for (int tile = static_cast<int>(blockIdx.x); tile < p.tiles; tile += static_cast<int>(gridDim.x)) {
        const int down = p.by_tiles_across.quotient(tile);  // of all images
        const int image = p.by_tiles_down.quotient(down);
        const int first_row = p.by_tiles_down.remainder(down, image) * tile_height;
        const int first_column = p.by_tiles_across.remainder(tile, down) * tile_width;

        __syncthreads();  // the last tile has been read
        const int y = first_row * p.vertical.stride - p.vertical.pad;
        const int x = (first_column * p.horizontal.stride - p.horizontal.pad) * p.channels;
        const bf16* const from = p.image + static_cast<std::int64_t>(image) * p.vertical.image * image_line;
        for (int at = thread; at < p.line; at += threads) {
            const bool in_line = static_cast<unsigned>(x + at) < static_cast<unsigned>(image_line);
            bf16* to = shared + at;
            for (int first = 0; first < p.lines; first += batch) {
                bf16 element[batch];
#pragma unroll
                for (int i = 0; i < batch; ++i) {
                    const int line = y + first + i;
                    const bool inside =
                        in_line && static_cast<unsigned>(line) < static_cast<unsigned>(p.vertical.image);
                    element[i] = inside ? from[line * image_line + x + at] : from_float<bf16>(0.0f);
                }
#pragma unroll
                for (int i = 0; i < batch; ++i, to += p.line) *to = element[i];
            }
        }
        __syncthreads();

#pragma unroll 1
        for (int strip = warp; strip < strips; strip += warps) {
            const int in_tile = strip / strips_a_line, row = first_row + in_tile;
            const int first = strip % strips_a_line * 16, column = first_column + first + lane / 4;
            if (row >= p.vertical.outputs || first_column + first >= p.horizontal.outputs) continue;
            const int step = p.horizontal.stride * p.channels;
            const bf16* const pixel = shared + in_tile * p.vertical.stride * p.line + (first + lane / 4) * step;
            unsigned pixels[2][4];
#pragma unroll
            for (int s = 0; s < 2; ++s)
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    const Vec<int, 2> at = constant.offset[pair(s, h)];
#pragma unroll
                    for (int i = 0; i < 2; ++i) {  // row lane / 4 of the fragment, then 8 more
                        const bf16* const here = pixel + i * 8 * step;
                        pixels[s][h * 2 + i] = pair_of(here[at[0]], here[at[1]]) & mask[s][h];
                    }
                }
            bf16* const to =
                p.out +
                ((static_cast<std::int64_t>(image) * p.vertical.outputs + row) * p.horizontal.outputs + column) *
                    p.filters;
#pragma unroll
            for (int group = 0; group < groups; ++group) {
                const int in_block = group * 32 + lane % 4 * 8, filter = first_filter + in_block;
                float sums[4][4];
                const Vec<float, 4> low = constant.bias[in_block / 4], high = constant.bias[in_block / 4 + 1];
#pragma unroll
                for (int j = 0; j < 4; ++j)
#pragma unroll
                    for (int i = 0; i < 4; ++i) sums[j][i] = (j < 2 ? low : high)[j % 2 * 2 + i % 2];
#pragma unroll
                for (int s = 0; s < 2; ++s)
#pragma unroll
                    for (int j = 0; j < 4; ++j) mma_bf16(sums[j], pixels[s], filters[group * 4 + j][s]);
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    Vec<bf16, 8> rounded;
#pragma unroll
                    for (int i = 0; i < 8; ++i) rounded[i] = from_float<bf16>(sums[i / 2][half * 2 + i % 2]);
                    if (filter < p.filters && column + half * 8 < p.horizontal.outputs)
                        store_global(to + half * 8 * p.filters + filter, rounded);
                }
            }
        }
    }
}

template <class W, int groups>
void launch_few_channels(const char* name, const FewChannels<W>& p) {
    const auto kernel = few_channels_kernel<W, groups>;
    const std::size_t shared = static_cast<std::size_t>(p.lines) * static_cast<std::size_t>(p.line) * sizeof(bf16);
    const int filter_tiles = (p.filters + 32 * groups - 1) / (32 * groups);
    const std::int64_t blocks = std::max<std::int64_t>(1, resident_blocks(kernel, threads, shared) / filter_tiles);
    launch(name, kernel, {{blocks_for(p.tiles, 1, blocks), static_cast<unsigned>(filter_tiles)}, threads, shared}, p);
}

}  // namespace

bool own_convolution_of_few_channels(const ConvCall& call) {
    const Tensor rounded = call.rounded_filter();
    const Tensor &x = call.image, &y = call.response, &w = rounded ? rounded : call.filter;
    const Conv2dParams& c = call.params;
    if (call.kind != ConvKind::forward || x.dtype() != Dtype::bf16 || y.numel() == 0) return false;
    const std::int64_t channels = x.dim(3), filters = w.dim(0), width = vector_width<bf16>;
    // Pixels of whole chunks are copied faster as such (conv.cu).
    if (channels % width == 0 || w.dim(1) * w.dim(2) * channels > depth) return false;
    if (filters % width != 0 || !aligned_to(y, 16)) return false;
    const auto axis = [&](int dim, int stride, int dilation, int pad) {
        return Axis{static_cast<int>(y.dim(dim)),
                    static_cast<int>(x.dim(dim)),
                    static_cast<int>(w.dim(dim)),
                    stride,
                    dilation,
                    pad};
    };
    const Axis vertical = axis(1, c.stride_h, c.dilation_h, c.padding.top);
    const Axis horizontal = axis(2, c.stride_w, c.dilation_w, c.padding.left);
    const std::int64_t lines = (vertical.reach(tile_height) + batch - 1) / batch * batch,
                       line = horizontal.reach(tile_width) * channels;
    if (lines > most_shared || line > most_shared || lines * line * 2 > most_shared) return false;
    implicit_gemm::check_extents(call.name, x);
    implicit_gemm::check_extents(call.name, y);
    const std::int64_t across = (y.dim(2) + tile_width - 1) / tile_width;
    const std::int64_t down = (y.dim(1) + tile_height - 1) / tile_height;
    dispatch(w, [&]<class W>(W) {
        const FewChannels<W> p = {.image = x.data<bf16>(),
                                  .weight = w.data<W>(),
                                  .bias = pointer<float>(call.bias),
                                  .out = y.data<bf16>(),
                                  .vertical = vertical,
                                  .horizontal = horizontal,
                                  .filters = static_cast<int>(filters),
                                  .channels = static_cast<int>(channels),
                                  .lines = static_cast<int>(lines),
                                  .line = static_cast<int>(line),
                                  .tiles = static_cast<int>(y.dim(0) * across * down),
                                  .by_tiles_across = FastDivide(across),
                                  .by_tiles_down = FastDivide(down)};
        filters > 32 ? launch_few_channels<W, 2>(call.name, p) : launch_few_channels<W, 1>(call.name, p);
    });
    return true;
}

}  // namespace camber::CAMBER_GPU
