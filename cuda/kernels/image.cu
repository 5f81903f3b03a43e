/// Pictures of u8: a training batch cut from them, and label maps in colour.
///
/// augment. Layout: a picture is interleaved RGB, x is [N, H, W, 3]. Bytes: the crops once, as samples that lie close
/// share lines of the caches, and x and labels once: 16 crops of 960 x 720 at [16, 256, 256, 3] in bf16 are at most
/// 40 MB. Operations: taps bilinear samples a pixel (9 for that crop), each twelve loads of a byte and nine operations
/// of f32: about 10^8 loads, which the first-level caches' rate bounds to some 40 microseconds; nine times that for a
/// picture with a filter. Strategy: a pixel a thread, neighbours in a warp along the row; pixels are 3 elements, so
/// they go through shared memory for a block to write whole lines. The arithmetic is augment_pixel.h's with every
/// operation rounded on its own.
///
/// color_labels, overlay. Bytes: 4 and 7 a pixel; the palette is in shared memory, a word a colour. Strategy: four
/// pixels a thread, so that labels are a word and colours three.
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
template <class T>
__global__ void __launch_bounds__(threads) augment_kernel(const std::uint8_t* source, const AugmentSample* samples,
                                                          int void_id, T* x, std::uint8_t* labels, Extents out) {
    SHARED_MEMORY(part, float[threads * 3]);
    const int n = static_cast<int>(blockIdx.z), row = static_cast<int>(blockIdx.y);
    const int begin = static_cast<int>(blockIdx.x) * threads, column = begin + static_cast<int>(threadIdx.x);
    const std::int64_t line = (static_cast<std::int64_t>(n) * out.h + row) * out.w;
    if (column < out.w) {
        const AugmentSample& sample = samples[n];
        pixel::augment_pixel<RoundedArithmetic>(sample.sampling, source + sample.image_offset,
                                                sample.label_offset < 0 ? nullptr : source + sample.label_offset,
                                                void_id, row, column, part + threadIdx.x * 3,
                                                labels ? labels + line + column : nullptr);
    }
    __syncthreads();
    const int elements = min(out.w - begin, threads) * 3;
#pragma unroll
    for (int k = 0; k < 3; ++k) {
        const int i = k * threads + static_cast<int>(threadIdx.x);
        if (i < elements) x[(line + begin) * 3 + i] = from_float<T>(part[i]);
    }
}

/// One channel of a pixel; opacity in 1 / 256, halves up.
__device__ __forceinline__ unsigned mixed(unsigned image, unsigned colour, unsigned opacity) {
    return ((256 - opacity) * image + opacity * colour + 128) >> 8;
}

/// `image` is null where the colours stand alone. `wide`: labels, image and y begin at multiples of 4 bytes.
template <bool wide>
__global__ void __launch_bounds__(threads)
    overlay_kernel(const std::uint8_t* image, const std::uint8_t* labels, const std::uint8_t* palette, unsigned opacity,
                   std::uint8_t* y, std::int64_t pixels) {
    constexpr int per_thread = 4;
    SHARED_MEMORY(colours, unsigned[256]);
    for (int id = static_cast<int>(threadIdx.x); id < 256; id += threads)
        colours[id] = palette[id * 3] | palette[id * 3 + 1] << 8 | palette[id * 3 + 2] << 16;
    __syncthreads();
    const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x) * per_thread;
    if (first >= pixels) return;
    const bool whole = wide && first + per_thread <= pixels;
    const int count = static_cast<int>(min(pixels - first, static_cast<std::int64_t>(per_thread)));

    Vec<std::uint8_t, 4> id = {}, part[3] = {};  // of the four pixels; their twelve bytes
    if (whole) {
        id = load<4>(labels + first);
    } else {
#pragma unroll
        for (int p = 0; p < per_thread; ++p)
            if (p < count) id[p] = labels[first + p];
    }
    if (image != nullptr) {
#pragma unroll
        for (int k = 0; k < 3; ++k) {
            if (whole) {
                part[k] = load<4>(image + first * 3 + k * 4);
            } else {
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    if (k * 4 + e < count * 3) part[k][e] = image[first * 3 + k * 4 + e];
            }
        }
    }
#pragma unroll
    for (int p = 0; p < per_thread; ++p) {
        const unsigned colour = colours[id[p]];
#pragma unroll
        for (int c = 0; c < 3; ++c) {
            std::uint8_t& element = part[(p * 3 + c) / 4][(p * 3 + c) % 4];
            element = static_cast<std::uint8_t>(mixed(element, colour >> (8 * c) & 255, opacity));
        }
    }
#pragma unroll
    for (int k = 0; k < 3; ++k) {
        if (whole) {
            store<4>(y + first * 3 + k * 4, part[k]);
        } else {
#pragma unroll
            for (int e = 0; e < 4; ++e)
                if (k * 4 + e < count * 3) y[first * 3 + k * 4 + e] = part[k][e];
        }
    }
}

void paint(const char* name, const Tensor& image, const Tensor& labels, const Tensor& palette, int opacity,
           const Tensor& y) {
    if (y.numel() == 0) return;
    const bool wide = aligned_to(image, 4) && aligned_to(labels, 4) && aligned_to(y, 4);
    launch(name, wide ? overlay_kernel<true> : overlay_kernel<false>,
           {blocks_for(labels.numel(), threads * 4), threads}, pointer<std::uint8_t>(image),
           labels.data<std::uint8_t>(), palette.data<std::uint8_t>(), opacity, y.data<std::uint8_t>(), labels.numel());
}

}  // namespace

void GpuBackend::augment(const Tensor& source, const Tensor& samples, int void_id, const Tensor& x,
                         const Tensor& labels) {
    if (x.numel() == 0) return;
    if (!aligned_to(samples, alignof(AugmentSample))) fail("augment: the samples begin between two words");
    dispatch(x, [&](auto t) {
        using T = decltype(t);
        const Extents out(x);
        launch("augment", augment_kernel<T>, {image_grid(blocks_for(out.w, threads), out.h, out.n), threads},
               source.data<std::uint8_t>(), reinterpret_cast<const AugmentSample*>(samples.data<std::uint8_t>()),
               void_id, x.data<T>(), pointer<std::uint8_t>(labels), out);
    });
}

void GpuBackend::color_labels(const Tensor& labels, const Tensor& palette, const Tensor& y) {
    paint("color_labels", {}, labels, palette, 256, y);
}

void GpuBackend::overlay(const Tensor& image, const Tensor& labels, const Tensor& palette, int opacity,
                         const Tensor& y) {
    paint("overlay", image, labels, palette, opacity, y);
}

}  // namespace camber::CAMBER_GPU
