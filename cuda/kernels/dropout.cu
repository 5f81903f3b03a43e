/// Dropout: y = x / (1 - rate) for elements whose random u32 is at least rate * 2^32, else 0.
///
/// Layout: flat. Bytes: x and y once: [16, 256, 256, 64] in bf16 is 268 MB; no mask is stored, as the backward step
/// draws the same numbers. Operations: one Philox block (ten rounds of two 32x32-bit products, about 70 instructions)
/// for four elements, which hides behind the memory's time. Strategy: 16-byte accesses, as many Philox blocks a thread
/// as that holds fours; element i takes lane i % 4 of block i / 4 wherever the tensor begins in memory. x and y may be
/// one buffer: every thread reads what it overwrites first. Of a batch that several processes share, element 0 is
/// number `number` of the stream; where that begins no block of four, every element draws its own: slower, and rare.
#include <cmath>

#include "core/batch_share.h"
#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/numeric.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;

template <class T, bool aligned, bool whole_blocks>
__global__ void __launch_bounds__(threads)
    dropout_kernel(const T* x, T* y, std::int64_t count, unsigned threshold, float scale, PhiloxKey key,
                   const std::int32_t* step, std::int64_t number) {
    constexpr int width = vector_width<T>;
    const std::int64_t group = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x, first = group * width;
    if (first >= count) return;
    if (step) key = key.at_step(static_cast<std::uint64_t>(*step));
    const bool whole = aligned && first + width <= count;
    Vec<T, width> v;
    if (whole) {
        v = load<width>(x + first);
    } else {
#pragma unroll
        for (int k = 0; k < width; ++k)
            if (first + k < count) v[k] = x[first + k];
    }
#pragma unroll
    for (int b = 0; b < width / 4; ++b) {
        const auto set = [&](int k, std::uint32_t random) {
            T& element = v[b * 4 + k];
            element = random >= threshold ? from_float<T>(scale * to_float(element)) : T(0.0f);
        };
        if constexpr (whole_blocks) {
            const auto random = key.block(static_cast<std::uint64_t>(number / 4 + group * (width / 4) + b));
#pragma unroll
            for (int k = 0; k < 4; ++k) set(k, random[k]);
        } else {
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                const std::int64_t at = number + first + b * 4 + k;
                const auto random = key.block(static_cast<std::uint64_t>(at / 4));
                const int lane = static_cast<int>(at % 4);
                set(k, lane == 0 ? random[0] : lane == 1 ? random[1] : lane == 2 ? random[2] : random[3]);
            }
        }
    }
    if (whole) {
        store<width>(y + first, v);
    } else {
#pragma unroll
        for (int k = 0; k < width; ++k)
            if (first + k < count) y[first + k] = v[k];
    }
}

}  // namespace

void GpuBackend::dropout(const Tensor& x, const Tensor& y, double rate, const PhiloxKey& key, const Tensor& step) {
    const auto threshold = static_cast<std::uint64_t>(std::llround(rate * 0x1p32));
    if (threshold > 0xffffffffu) return fill(y, 0);
    if (x.numel() == 0) return;
    dispatch(x, [&](auto t) {
        using T = decltype(t);
        const bool aligned = aligned_to(x, 16) && aligned_to(y, 16);
        const std::int64_t number = first_element_of_share(x.dim(0), x.numel());
        const auto kernel = number % 4 != 0 ? dropout_kernel<T, false, false>
                            : aligned       ? dropout_kernel<T, true, true>
                                            : dropout_kernel<T, false, true>;
        launch("dropout", kernel, {blocks_for(x.numel(), threads * vector_width<T>), threads}, x.data<T>(), y.data<T>(),
               x.numel(), static_cast<unsigned>(threshold), static_cast<float>(1 / (1 - rate)), key,
               pointer<std::int32_t>(step), number);
    });
}

}  // namespace camber::CAMBER_GPU
