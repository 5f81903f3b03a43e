/// A training batch cut from pictures of u8.
///
/// Layout: a picture is interleaved, x is [N, H, W, C], C 1, 3 or 4. Bytes: the crops once, as samples that lie close
/// share lines of the caches, and x and labels once: 16 crops of 960 x 720 at [16, 256, 256, 3] in bf16 are at most
/// 40 MB. Operations: taps bilinear samples a pixel (9 for that crop), each twelve loads of a byte and nine operations
/// of f32: about 10^8 loads, which the first-level caches' rate bounds to some 40 microseconds.
/// Strategy: a pixel a thread, neighbours in a warp along the row; pixels are C elements, so they go through shared
/// memory for a block to write whole lines. Where a picture of the batch is filtered, all are sampled into a buffer of
/// f32 first, each local filter is a pass from that to another and back, and a last pass finishes. The arithmetic is
/// augment_pixel.h's with every operation rounded on its own.
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
    __device__ static float div(float a, float b) { return __fdiv_rn(a, b); }
};

/// A thread's pixel. Blocks are (parts of a row, rows, images).
struct Here {
    int n = static_cast<int>(blockIdx.z), row = static_cast<int>(blockIdx.y);
    int begin = static_cast<int>(blockIdx.x) * threads, column = begin + static_cast<int>(threadIdx.x);
    std::int64_t line;  ///< pixels before the row

    __device__ explicit Here(const Extents& out) : line((static_cast<std::int64_t>(n) * out.h + row) * out.w) {}
};

/// The row's part that is in shared memory, as whole lines.
template <int C, class T>
__device__ void write_part(const float* part, const Here& here, T* x, const Extents& out) {
    __syncthreads();
    const int elements = min(out.w - here.begin, threads) * C;
#pragma unroll
    for (int k = 0; k < C; ++k) {
        const int i = k * threads + static_cast<int>(threadIdx.x);
        if (i < elements) x[(here.line + here.begin) * C + i] = from_float<T>(part[i]);
    }
}

template <int C, class T, bool all>
__global__ void __launch_bounds__(threads) augment_kernel(const std::uint8_t* source, const AugmentSample* samples,
                                                          int void_id, T* x, std::uint8_t* labels, Extents out) {
    SHARED_MEMORY(part, float[threads * C]);
    const Here here(out);
    if (here.column < out.w) {
        const AugmentSample& sample = samples[here.n];
        pixel::augment_pixel<C, RoundedArithmetic, all>(sample.sampling, sample.source(source), sample.labels(source),
                                                        void_id, here.row, here.column, part + threadIdx.x * C,
                                                        labels ? labels + here.line + here.column : nullptr);
    }
    write_part<C>(part, here, x, out);
}

template <int C>
__global__ void __launch_bounds__(threads)
    sample_kernel(const std::uint8_t* source, const AugmentSample* samples, float* x, Extents out) {
    const Here here(out);
    if (here.column >= out.w) return;
    const AugmentSample& sample = samples[here.n];
    const pixel::Sampling& s = sample.sampling;
    pixel::sample<C, RoundedArithmetic>(s, sample.source(source), pixel::flipped_row(s, here.row),
                                        pixel::flipped_column(s, here.column), x + (here.line + here.column) * C);
}

/// Local filter number i of each picture; one that has none is copied.
template <int C>
__global__ void __launch_bounds__(threads)
    local_kernel(const AugmentSample* samples, int i, const float* x, float* y, Extents out) {
    const Here here(out);
    if (here.column >= out.w) return;
    const pixel::Sampling& s = samples[here.n].sampling;
    const float* const image = x + static_cast<std::int64_t>(here.n) * out.h * out.w * C;
    const auto value = [&](int row, int column) {
        return image + (static_cast<std::int64_t>(row) * out.w + column) * C;
    };
    float* const to = y + (here.line + here.column) * C;
    if (i < s.locals) {
        pixel::apply<C, RoundedArithmetic>(s, s.local[i], value, here.row, here.column, to);
    } else {
        for (int c = 0; c < C; ++c) to[c] = value(here.row, here.column)[c];
    }
}

template <int C, class T>
__global__ void __launch_bounds__(threads)
    finish_kernel(const std::uint8_t* source, const AugmentSample* samples, int void_id, const float* filtered, T* x,
                  std::uint8_t* labels, Extents out) {
    SHARED_MEMORY(part, float[threads * C]);
    const Here here(out);
    if (here.column < out.w) {
        const AugmentSample& sample = samples[here.n];
        const std::int64_t at = here.line + here.column;
        const bool inside = pixel::label<RoundedArithmetic>(sample.sampling, sample.labels(source), void_id, here.row,
                                                            here.column, labels ? labels + at : nullptr);
        pixel::write<C, RoundedArithmetic>(sample.sampling, filtered + at * C, inside, here.row, here.column,
                                           part + threadIdx.x * C);
    }
    write_part<C>(part, here, x, out);
}

}  // namespace

void GpuBackend::augment(const Tensor& source, const Tensor& samples, const AugmentNeeds& needs, int void_id,
                         const Tensor& x, const Tensor& labels) {
    if (x.numel() == 0) return;
    if (!aligned_to(samples, alignof(AugmentSample))) fail("augment: the samples begin between two words");
    const Extents out(x);
    const LaunchShape shape{image_grid(blocks_for(out.w, threads), out.h, out.n), threads};
    const auto* const bytes = source.data<std::uint8_t>();
    const auto* const list = reinterpret_cast<const AugmentSample*>(samples.data<std::uint8_t>());
    auto* const ids = pointer<std::uint8_t>(labels);
    dispatch(x, [&](auto t) {
        using T = decltype(t);
        with_channels_of(out.c, [&](auto c) {
            constexpr int C = c();
            if (needs.locals == 0) {
                const auto kernel = needs.all ? augment_kernel<C, T, true> : augment_kernel<C, T, false>;
                launch("augment", kernel, shape, bytes, list, void_id, x.data<T>(), ids, out);
                return;
            }
            Tensor now = Tensor::empty(x.shape(), Dtype::f32, x.device()),
                   next = Tensor::empty(x.shape(), Dtype::f32, x.device());
            launch("augment_sample", sample_kernel<C>, shape, bytes, list, now.data<float>(), out);
            for (int i = 0; i < needs.locals; ++i) {
                launch("augment_local", local_kernel<C>, shape, list, i, now.data<float>(), next.data<float>(), out);
                std::swap(now, next);
            }
            launch("augment_finish", finish_kernel<C, T>, shape, bytes, list, void_id, now.data<float>(), x.data<T>(),
                   ids, out);
        });
    });
}

}  // namespace camber::CAMBER_GPU
