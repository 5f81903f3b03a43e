/// A training batch cut from pictures of u8.
///
/// Layout: a picture is interleaved, x is [N, H, W, C], C 1, 3 or 4. Bytes: the crops once, as samples that lie close
/// share lines of the caches, and x and labels once: 16 crops of 960 x 720 at [16, 256, 256, 3] in bf16 are at most
/// 40 MB. Operations: taps bilinear samples a pixel (9 for that crop), each twelve loads of a byte and nine operations
/// of f32: about 10^8 loads, which the first-level caches' rate bounds to some 40 microseconds; nine times that for a
/// picture with a filter. Strategy: a pixel a thread, neighbours in a warp along the row; pixels are C elements, so
/// they go through shared memory for a block to write whole lines. The arithmetic is augment_pixel.h's with every
/// operation rounded on its own.
#include "backend/augment_pixel.h"
#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/pixels.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;

/// Never fused, so that the host's bits come out.
struct RoundedArithmetic {
    __device__ static float mul(float a, float b) { return __fmul_rn(a, b); }
    __device__ static float add(float a, float b) { return __fadd_rn(a, b); }
    __device__ static float sub(float a, float b) { return __fsub_rn(a, b); }
};

/// Blocks are (parts of a row, rows, images).
template <int C, class T>
__global__ void __launch_bounds__(threads) augment_kernel(const std::uint8_t* source, const AugmentSample* samples,
                                                          int void_id, T* x, std::uint8_t* labels, Extents out) {
    SHARED_MEMORY(part, float[threads * C]);
    const int n = static_cast<int>(blockIdx.z), row = static_cast<int>(blockIdx.y);
    const int begin = static_cast<int>(blockIdx.x) * threads, column = begin + static_cast<int>(threadIdx.x);
    const std::int64_t line = (static_cast<std::int64_t>(n) * out.h + row) * out.w;
    if (column < out.w) {
        const AugmentSample& sample = samples[n];
        pixel::augment_pixel<C, RoundedArithmetic>(sample.sampling, source + sample.image_offset,
                                                   sample.label_offset < 0 ? nullptr : source + sample.label_offset,
                                                   void_id, row, column, part + threadIdx.x * C,
                                                   labels ? labels + line + column : nullptr);
    }
    __syncthreads();
    const int elements = min(out.w - begin, threads) * C;
#pragma unroll
    for (int k = 0; k < C; ++k) {
        const int i = k * threads + static_cast<int>(threadIdx.x);
        if (i < elements) x[(line + begin) * C + i] = from_float<T>(part[i]);
    }
}

}  // namespace

void GpuBackend::augment(const Tensor& source, const Tensor& samples, int void_id, const Tensor& x,
                         const Tensor& labels) {
    if (x.numel() == 0) return;
    if (!aligned_to(samples, alignof(AugmentSample))) fail("augment: the samples begin between two words");
    dispatch(x, [&](auto t) {
        using T = decltype(t);
        const Extents out(x);
        with_channels_of(out.c, [&](auto c) {
            launch("augment", augment_kernel<c(), T>, {image_grid(blocks_for(out.w, threads), out.h, out.n), threads},
                   source.data<std::uint8_t>(), reinterpret_cast<const AugmentSample*>(samples.data<std::uint8_t>()),
                   void_id, x.data<T>(), pointer<std::uint8_t>(labels), out);
        });
    });
}

}  // namespace camber::CAMBER_GPU
