/// Rows of channels in another dtype, with channels and rows added or taken away, and a bias: what stands between
/// tensors and a convolution that wants whole 16-byte chunks of bf16.
///
/// Layout: [rows, channels]. Bytes: `from` and `to` once each (an f32 weight to bf16: 6 bytes an element; a bias added
/// to [16, 256, 256, 64] bf16 in place: 268 MB, 0.08 ms at an H100's 3.35 TB/s); one or two operations an element, so
/// bound by memory. Strategy: a thread makes chunks of 16 bytes of `to` where its rows are whole chunks, else single
/// elements; it reads chunks too where those of `from` line up. Positions are divided by the chunks of a row by a
/// multiplication.
#include "cuda/kernels/convert_channels.h"

#include <camber/error.h>

#include "cuda/kernels/fast_divide.h"
#include "cuda/kernels/numeric.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;

struct Rows {
    int chunks;  ///< of `to`, in all
    int from_rows, from_channels, to_channels;
    bool vector_from;  ///< chunks of `from` line up with those of `to`
    FastDivide by_chunks_a_row;
};

/// `width` elements at `from`, aligned to as many bytes as one access reads.
template <int width, class T>
__device__ __forceinline__ void load_floats(const T* from, float (&values)[width]) {
    constexpr int part = width < vector_width<T> ? width : vector_width<T>;
#pragma unroll
    for (int first = 0; first < width; first += part) {
        const Vec<T, part> loaded = load<part>(from + first);
#pragma unroll
        for (int k = 0; k < part; ++k) values[first + k] = to_float(loaded[k]);
    }
}

template <class From, class To, int width>
__global__ void __launch_bounds__(threads)
    convert_channels_kernel(const From* from, To* to, const float* bias, Rows p) {
    const int step = static_cast<int>(gridDim.x) * threads;
    for (int i = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x); i < p.chunks; i += step) {
        const int row = p.by_chunks_a_row.quotient(i);
        const int channel = p.by_chunks_a_row.remainder(i, row) * width;
        const From* const source = from + static_cast<std::int64_t>(row) * p.from_channels + channel;
        float values[width] = {};
        if (row < p.from_rows && channel < p.from_channels) {
            if (p.vector_from) {
                load_floats<width>(source, values);
            } else {
#pragma unroll
                for (int k = 0; k < width; ++k)
                    if (channel + k < p.from_channels) values[k] = to_float(source[k]);
            }
            if (bias) {
#pragma unroll
                for (int k = 0; k < width; ++k)
                    if (channel + k < p.from_channels) values[k] += bias[channel + k];
            }
        }
        Vec<To, width> rounded;
#pragma unroll
        for (int k = 0; k < width; ++k) rounded[k] = from_float<To>(values[k]);
        store<width>(to + static_cast<std::int64_t>(row) * p.to_channels + channel, rounded);
    }
}

template <class From, class To, int width>
void convert(const Tensor& from, const Tensor& to, const Tensor& bias) {
    const std::int64_t from_channels = from.shape().back(), to_channels = to.shape().back();
    const std::int64_t chunks = to.numel() / width;
    const Rows p = {.chunks = static_cast<int>(chunks),
                    .from_rows = static_cast<int>(from.numel() / from_channels),
                    .from_channels = static_cast<int>(from_channels),
                    .to_channels = static_cast<int>(to_channels),
                    .vector_from = from_channels % width == 0 && aligned_to(from, 16),
                    .by_chunks_a_row = FastDivide(to_channels / width)};
    // The bound on the elements leaves room for a step past the last chunk.
    const auto kernel = convert_channels_kernel<From, To, width>;
    launch("convert_channels", kernel, {blocks_for(chunks, threads, resident_blocks(kernel, threads)), threads},
           from.data<From>(), to.data<To>(), pointer<const float>(bias), p);
}

}  // namespace

void convert_channels(const Tensor& from, const Tensor& to, const Tensor& bias) {
    if (to.numel() == 0) return;
    if (to.numel() > 0x7fffffff - 0x1000000 || from.numel() == 0)
        fail("convert_channels: {} to {} is out of its range", from.shape().str(), to.shape().str());
    dispatch(from, [&](auto f) {
        dispatch(to, [&](auto t) {
            constexpr int width = vector_width<decltype(t)>;
            if (to.shape().back() % width == 0 && aligned_to(to, 16)) {
                convert<decltype(f), decltype(t), width>(from, to, bias);
            } else {
                convert<decltype(f), decltype(t), 1>(from, to, bias);
            }
        });
    });
}

}  // namespace camber::CAMBER_GPU
