/// How far two results of the same computation are apart.
///
/// Layout: flat. Bytes: every element of both tensors once (two bf16 results of [16, 256, 256, 64]: 268 MB, 0.08 ms at
/// an H100's 3.35 TB/s); a few operations an element, the sums in f64, since squares of what f32 holds overflow it.
/// Strategy: 16-byte accesses, a thread's own maxima and sums, those of a block, and one block for the rest.
#include "cuda/kernels/compare.h"

#include <cfloat>
#include <cmath>
#include <vector>

#include "cuda/kernels/numeric.h"
#include "cuda/kernels/reduce.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;

struct Distance {
    double largest, squares;              ///< of wanted
    double largest_apart, squares_apart;  ///< of the difference
};

/// NaN counts as infinite: no comparison with it is true, so that it would be lost among maxima.
__device__ __forceinline__ double magnitude(float x) {
    x = x < 0 ? -x : x;
    return static_cast<double>(x <= FLT_MAX ? x : INFINITY);
}

__device__ __forceinline__ Distance merge(const Distance& a, const Distance& b) {
    return {a.largest > b.largest ? a.largest : b.largest, a.squares + b.squares,
            a.largest_apart > b.largest_apart ? a.largest_apart : b.largest_apart, a.squares_apart + b.squares_apart};
}

__device__ __forceinline__ Distance distance(float wanted, float found) {
    const double size = magnitude(wanted), apart = magnitude(wanted - found);
    return {size, size * size, apart, apart * apart};
}

__device__ __forceinline__ Distance warp_merge(const Distance& d) {
    return {warp_max(d.largest), warp_sum(d.squares), warp_max(d.largest_apart), warp_sum(d.squares_apart)};
}

/// to = what all threads of the block have.
__device__ __forceinline__ void store_block(const Distance& own, Distance* to) {
    SHARED_MEMORY(scratch, Distance[threads / 32]);
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const Distance of_warp = warp_merge(own);
    if (lane == 0) scratch[warp] = of_warp;
    __syncthreads();
    if (warp > 0) return;
    const Distance of_block = warp_merge(lane < threads / 32 ? scratch[lane] : Distance{});
    if (lane == 0) *to = of_block;
}

template <class T, int width>
__global__ void __launch_bounds__(threads)
    compare_kernel(const T* wanted, const T* found, std::int64_t count, Distance* partial) {
    const std::int64_t first = std::int64_t{blockIdx.x} * threads + threadIdx.x;
    const std::int64_t step = std::int64_t{gridDim.x} * threads, vectors = count / width;
    Distance own = {};
    for (std::int64_t i = first; i < vectors; i += step) {
        const Vec<T, width> a = load<width>(wanted + i * width), b = load<width>(found + i * width);
#pragma unroll
        for (int k = 0; k < width; ++k) own = merge(own, distance(to_float(a[k]), to_float(b[k])));
    }
    if (const std::int64_t i = vectors * width + first; i < count)
        own = merge(own, distance(to_float(wanted[i]), to_float(found[i])));
    store_block(own, partial + blockIdx.x);
}

__global__ void __launch_bounds__(threads) finish_compare_kernel(const Distance* partial, int count, Distance* to) {
    Distance own = {};
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads) own = merge(own, partial[i]);
    store_block(own, to);
}

}  // namespace

bool Difference::telling() const {
    // Below, gradients would be of the size of what tensor cores flush to zero.
    constexpr double least = 1e-30;
    return std::isfinite(largest) && largest >= least;
}

double Difference::relative() const {
    if (!std::isfinite(largest_apart) || !std::isfinite(norm_apart)) return INFINITY;
    if (largest_apart == 0) return 0;
    return std::fmax(largest_apart / largest, norm_apart / norm);
}

Difference compare(const Tensor& wanted, const Tensor& found) {
    constexpr std::int64_t numbers = sizeof(Distance) / sizeof(double);
    const Tensor result = Tensor::empty({numbers}, Dtype::f64, this_device);
    Difference difference;
    if (wanted.numel() == 0) return difference;
    dispatch(wanted, [&]<class T>(T) {
        constexpr int width = vector_width<T>;
        const bool aligned = aligned_to(wanted, 16) && aligned_to(found, 16);
        const auto kernel = aligned ? compare_kernel<T, width> : compare_kernel<T, 1>;
        const unsigned blocks =
            blocks_for(wanted.numel(), threads * (aligned ? width : 1), resident_blocks(kernel, threads));
        const Tensor partial = Tensor::empty({blocks * numbers}, Dtype::f64, this_device);
        auto* const partials = reinterpret_cast<Distance*>(partial.data<double>());
        launch("compare", kernel, {blocks, threads}, wanted.data<T>(), found.data<T>(), wanted.numel(), partials);
        launch("compare, finish", finish_compare_kernel, {1, threads}, partials, static_cast<int>(blocks),
               reinterpret_cast<Distance*>(result.data<double>()));
    });
    const std::vector<double> read = result.to_vector<double>();
    return {read[0], std::sqrt(read[1]), read[2], std::sqrt(read[3])};
}

}  // namespace camber::CAMBER_GPU
