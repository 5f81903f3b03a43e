#pragma once
#include <cmath>

#include "cuda/kernels/numeric.h"

/// What versions do alike: from sums to statistics (BatchNormParams as they are by default), and from these to y.
namespace camber::CAMBER_GPU {
namespace {

struct Statistics {
    float *mean, *invstd, *running_mean, *running_var;

    explicit Statistics(const std::vector<Tensor>& out)
        : mean(out[1].data<float>()),
          invstd(out[2].data<float>()),
          running_mean(out[3].data<float>()),
          running_var(out[4].data<float>()) {}
    __device__ void set(int channel, float sum, float squares, int count) const {
        const float n = static_cast<float>(count), average = sum / n;
        const float variance = fmaxf(squares / n - average * average, 0.0f);
        mean[channel] = average;
        invstd[channel] = 1.0f / std::sqrt(variance + 1e-5f);
        running_mean[channel] = 0.9f * running_mean[channel] + 0.1f * average;
        running_var[channel] = 0.9f * running_var[channel] + 0.1f * variance * n / (n - 1);
    }
};

/// y of an element a thread, once the statistics are known.
__global__ void batch_norm_apply(const bf16* x, bf16* y, const float* gamma, const float* beta, Statistics from,
                                 int count, int channels) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= count) return;
    const int c = i % channels;
    const float v = (to_float(x[i]) - from.mean[c]) * from.invstd[c] * gamma[c] + beta[c];
    y[i] = from_float<bf16>(fmaxf(v, 0.0f));
}

}  // namespace
}  // namespace camber::CAMBER_GPU
