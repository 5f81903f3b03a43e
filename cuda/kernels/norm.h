#pragma once
#include <cmath>

#include "backend/shared_sums.h"
#include "cuda/kernels/channels.h"

/// What the kernels of batch normalisation share. How they cut a tensor: see channels.h.
namespace camber::CAMBER_GPU {

/// What a thread normalises its channels with: output = (x - mean) * scale + beta, scale = gamma * invstd.
struct NormChannels {
    const float *mean, *invstd, *variance, *gamma, *beta;  ///< invstd or, with eps, variance; the other is null
    float eps;

    __device__ float inverse_deviation(int channel) const {
        return invstd ? invstd[channel] : 1.0f / std::sqrt(variance[channel] + eps);
    }
};

template <int width>
struct NormAffine {
    float mean[width], scale[width], beta[width];

    __device__ NormAffine(const NormChannels& from, int channels, int column) {
        int channel = static_cast<int>(static_cast<std::int64_t>(column) * width % channels);
#pragma unroll
        for (int j = 0; j < width; ++j) {
            mean[j] = from.mean[channel];
            scale[j] = from.gamma[channel] * from.inverse_deviation(channel);
            beta[j] = from.beta[channel];
            if (++channel == channels) channel = 0;
        }
    }
    __device__ __forceinline__ float output(int j, float x) const { return fmaf(x - mean[j], scale[j], beta[j]); }
};

/// The last block's part of a backward pass: dbeta and dgamma from sums of g and of g * (x - mean).
__device__ __forceinline__ void finish_gradients(const ChannelLayout& at, const ChannelThread& self,
                                                 const ChannelPartials& partials, double* scratch,
                                                 const NormChannels& channels, float* dgamma, float* dbeta) {
    finish_channels(
        at, self, partials, scratch,
        [](int, int) {
            return [](ChannelSums& sums, unsigned, float2 p) {
                sums.first += static_cast<double>(p.x);
                sums.second += static_cast<double>(p.y);
            };
        },
        [&](int channel, const ChannelSums& sums) {
            dbeta[channel] = static_cast<float>(sums.first);
            dgamma[channel] =
                static_cast<float>(sums.second * static_cast<double>(channels.inverse_deviation(channel)));
        });
}

/// What the sums of a backward pass are over the whole batch: dgamma and dbeta themselves or, where it is shared, what
/// they are over all shares.
struct BatchSums {
    Tensor memory;
    const float *dgamma, *dbeta;
    float inverse_count;

    BatchSums(const Tensor& x, const Tensor& own_dgamma, const Tensor& own_dbeta)
        : dgamma(own_dgamma.data<float>()),
          dbeta(own_dbeta.data<float>()),
          inverse_count(static_cast<float>(1.0 / normalised_values(x))) {
        const BatchShare* const share = batch_norm_share();
        if (!share) return;
        const std::int64_t channels = own_dgamma.numel();
        memory = Tensor::empty({2, channels}, Dtype::f32, this_device);
        memory.slice(0, {channels}).copy_from(own_dgamma.view({channels}));
        memory.slice(channels, {channels}).copy_from(own_dbeta.view({channels}));
        share->sum(memory);
        dgamma = memory.data<float>();
        dbeta = dgamma + channels;
    }
};

/// What a backward pass takes away from every gradient: the mean of g, and its slope along x - mean.
template <int width>
struct NormCorrection {
    float mean[width], slope[width];

    __device__ NormCorrection(const NormChannels& from, const float* dgamma, const float* dbeta, float inverse_count,
                              int channels, int column) {
        int channel = static_cast<int>(static_cast<std::int64_t>(column) * width % channels);
#pragma unroll
        for (int j = 0; j < width; ++j) {
            mean[j] = dbeta[channel] * inverse_count;
            slope[j] = dgamma[channel] * inverse_count * from.inverse_deviation(channel);
            if (++channel == channels) channel = 0;
        }
    }
    __device__ __forceinline__ float dx(int j, float x, float g, const NormAffine<width>& affine) const {
        return affine.scale[j] * fmaf(affine.mean[j] - x, slope[j], g - mean[j]);
    }
};

}  // namespace camber::CAMBER_GPU
