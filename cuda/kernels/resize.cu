/// Nearest and bilinear resizing of activations [N, H, W, C] in the corner conventions of ResizeMode.
///
/// Where output o falls on the input is the fraction (step * o + offset) / denominator in whole numbers, so that which
/// pixels are read is exact and backward knows without searching which outputs read an input. Bytes: x and y once:
/// [16, 128, 128, 64] to [16, 256, 256, 64] in bf16 is 168 MB; operations: four fused multiply-adds an output element,
/// so it is bound by memory. Strategy: separable.h's gather.
#include <camber/error.h>

#include <limits>

#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/separable.h"

namespace camber::CAMBER_GPU {
namespace {

/// One axis from `in` to `out` pixels.
struct Mapping {
    int in, out;
    int step = 0, offset = 0, denominator = 1;
    float pixel = 0;  ///< 1 / denominator

    Mapping(std::int64_t in_, std::int64_t out_, ResizeMode mode)
        : in(static_cast<int>(in_)), out(static_cast<int>(out_)) {
        if (2 * (in_ + 1) * (out_ + 1) > std::numeric_limits<int>::max())
            fail("the {} device does not resize {} pixels to {}", name(this_device), in_, out_);
        switch (mode) {
            case ResizeMode::nearest:
                step = in, offset = 0, denominator = out;
                break;
            case ResizeMode::nearest_half_pixel:
                step = 2 * in, offset = in, denominator = 2 * out;
                break;
            case ResizeMode::bilinear:
                step = 2 * in, offset = in - out, denominator = 2 * out;
                break;
            case ResizeMode::bilinear_align_corners:
                step = in - 1, offset = 0, denominator = std::max(out - 1, 1);
                break;
        }
        pixel = 1.0f / static_cast<float>(denominator);
    }
};

/// The first output at or after, and the first after, input position `i`. Every dividend is at least 0, so the division
/// rounds down.
__device__ __forceinline__ int first_at(const Mapping& m, int i) {
    return (i * m.denominator - m.offset + m.step - 1) / m.step;
}
__device__ __forceinline__ int first_after(const Mapping& m, int i) {
    return (i * m.denominator - m.offset + m.step) / m.step;
}

/// Where output o falls, in units of 1 / denominator of an input pixel, kept on the image.
__device__ __forceinline__ int position(const Mapping& m, int o) {
    return min(max(m.step * o + m.offset, 0), (m.in - 1) * m.denominator);
}

/// How much of input i is in output o, for positions less than a pixel apart: 1 where they agree.
__device__ __forceinline__ float hat(const Mapping& m, int o, int i) {
    // Subtracted in whole numbers: "1 - distance * pixel" would be rounded otherwise where it is a fused operation.
    return static_cast<float>(m.denominator - abs(position(m, o) - i * m.denominator)) * m.pixel;
}

struct NearestAxis {
    static constexpr int static_taps = 1;
    Mapping m;

    int taps() const { return 1; }
    __device__ __forceinline__ Range range(int o) const {
        const int i = (m.step * o + m.offset) / m.denominator;
        return {i, i + 1};
    }
    __device__ __forceinline__ float weight(int, int) const { return 1; }
};

struct NearestGradientAxis {
    static constexpr int static_taps = 0;
    Mapping m;

    int taps() const { return (m.out + m.in - 1) / m.in; }
    __device__ __forceinline__ Range range(int i) const { return {first_at(m, i), first_at(m, i + 1)}; }
    __device__ __forceinline__ float weight(int, int) const { return 1; }
};

struct BilinearAxis {
    static constexpr int static_taps = 2;
    Mapping m;

    int taps() const { return 2; }
    __device__ __forceinline__ Range range(int o) const {
        const int at = position(m, o), low = at / m.denominator;
        return {low, at > low * m.denominator ? low + 2 : low + 1};
    }
    __device__ __forceinline__ float weight(int o, int i) const { return hat(m, o, i); }
};

struct BilinearGradientAxis {
    static constexpr int static_taps = 0;
    Mapping m;

    int taps() const { return std::min(m.out, (2 * m.out + m.in - 1) / m.in); }
    /// Outputs less than a pixel away; the first and last input have those beyond the border as well.
    __device__ __forceinline__ Range range(int i) const {
        return {i == 0 ? 0 : first_after(m, i - 1), i == m.in - 1 ? m.out : min(first_at(m, i + 1), m.out)};
    }
    __device__ __forceinline__ float weight(int i, int o) const { return hat(m, o, i); }
};

bool is_nearest(ResizeMode mode) { return mode == ResizeMode::nearest || mode == ResizeMode::nearest_half_pixel; }

}  // namespace

void GpuBackend::resize(const Tensor& x, const Tensor& y, ResizeMode mode) {
    const Mapping rows(x.dim(1), y.dim(1), mode), columns(x.dim(2), y.dim(2), mode);
    if (is_nearest(mode)) {
        gather("resize", x, y, NearestAxis{rows}, NearestAxis{columns});
    } else {
        gather("resize", x, y, BilinearAxis{rows}, BilinearAxis{columns});
    }
}

void GpuBackend::resize_backward(const Tensor& dy, const Tensor& dx, ResizeMode mode) {
    const Mapping rows(dx.dim(1), dy.dim(1), mode), columns(dx.dim(2), dy.dim(2), mode);
    if (is_nearest(mode)) {
        gather("resize_backward", dy, dx, NearestGradientAxis{rows}, NearestGradientAxis{columns});
    } else {
        gather("resize_backward", dy, dx, BilinearGradientAxis{rows}, BilinearGradientAxis{columns});
    }
}

}  // namespace camber::CAMBER_GPU
