/// The sum of every channel over all pixels: the gradient of a bias; beside it a copy of the channels, where they are
/// part of a wider tensor and are wanted by themselves.
///
/// Bytes: the channels once, and their copy; [16, 256, 256, 64] of bf16 134 MB, 0.04 ms at 3.35 TB/s. One addition an
/// element. Strategy: see channels.h; four vectors a thread in flight.
#include "cuda/kernels/sum_channels.h"

#include "cuda/kernels/channels.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = ChannelLayout::threads;

/// Pixels of `from` are `stride` elements apart; 0: as many as they have channels.
template <class T, int width>
__global__ void __launch_bounds__(threads, 4)
    sum_channels_kernel(const T* from, int stride, T* to, ChannelPartials partials, ChannelLayout at, float* result) {
    SHARED_MEMORY(scratch, double[threads * 2]);
    SHARED_MEMORY(first, float[threads * width]);
    SHARED_MEMORY(second, float[threads * width]);  // channels.h sums in pairs; there is no other one here
    constexpr int batch = 4;                        // loads in flight
    const ChannelThread self(at);
    if (self.active) {
        float sum[width] = {};
        // Period q has its vectors `pitch` elements after those of the one before.
        const std::int64_t pitch = stride > 0 ? stride : std::int64_t{at.period} * width;
        const std::int64_t step = std::int64_t{gridDim.x} * at.rows;
        const auto there = [&](std::int64_t q) { return q * at.period + self.column < at.vectors; };
        const auto load_period = [&](std::int64_t q) { return load<width>(from + q * pitch + self.column * width); };
        const auto add = [&](std::int64_t q, const Vec<T, width>& v) {
#pragma unroll
            for (int j = 0; j < width; ++j) sum[j] += to_float(v[j]);
            if (to) store<width>(to + (q * at.period + self.column) * width, v);
        };
        std::int64_t q = std::int64_t{blockIdx.x} * at.rows + self.row;
        for (; there(q + (batch - 1) * step); q += batch * step) {
            Vec<T, width> v[batch];
#pragma unroll
            for (int k = 0; k < batch; ++k) v[k] = load_period(q + k * step);
#pragma unroll
            for (int k = 0; k < batch; ++k) add(q + k * step, v[k]);
        }
        for (; there(q); q += step) add(q, load_period(q));
        const int at_first = self.row * self.lanes + self.column * width - self.first_lane;
#pragma unroll
        for (int j = 0; j < width; ++j) {
            first[at_first + j] = sum[j];
            second[at_first + j] = 0;
        }
    }
    __syncthreads();
    sum_block_rows(first, second, at.rows, self.lanes);
    for (int i = static_cast<int>(threadIdx.x); i < self.lanes; i += threads)
        partials.leave(at, self.first_lane + i, first[i], 0);
    finish_channels(
        at, self, partials, scratch,
        [](int, int) { return [](ChannelSums& sums, unsigned, float2 p) { sums.first += static_cast<double>(p.x); }; },
        [&](int channel, const ChannelSums& sums) { result[channel] = static_cast<float>(sums.first); });
}

}  // namespace

void sum_channels(const ChannelSlice& from, const Tensor& to, const Tensor& sums) {
    dispatch(from.tensor, [&]<class T>(T) {
        constexpr int widest = vector_width<T>;
        const std::int64_t channels = sums.numel(), wide = from.tensor.shape().back();
        const T* const first = from.tensor.data<T>() + from.begin;
        const bool slice = channels != wide;
        const std::int64_t elements = from.tensor.numel() / wide * channels;
        const bool aligned = aligned_to(first, 16) && aligned_to(to, 16) &&
                             (slice ? channels % widest == 0 && wide % widest == 0 : elements % widest == 0);
        ChannelLayout at(elements, static_cast<int>(channels), aligned ? widest : 1);
        with_width<widest>(at, [&](auto width) {
            const auto kernel = sum_channels_kernel<T, width>;
            const LaunchShape shape = at.shape(kernel);
            const ChannelScratch scratch(at);
            launch("sum_channels", kernel, shape, first, slice ? static_cast<int>(wide) : 0, pointer<T>(to),
                   scratch.partials, at, sums.data<float>());
        });
    });
}

}  // namespace camber::CAMBER_GPU
