#pragma once
#include "cuda/kernels/numeric.h"

/// What versions do alike with an element.
namespace camber::CAMBER_GPU {
namespace {

struct BatchNormBackward {
    const bf16 *x, *dy;
    const float *gamma, *beta, *mean, *invstd;
    bf16* dx;
    float *dgamma, *dbeta;
    int pixels, channels;

    BatchNormBackward(const std::vector<Tensor>& in, const std::vector<Tensor>& out)
        : x(in[0].data<bf16>()),
          dy(in[1].data<bf16>()),
          gamma(in[2].data<float>()),
          beta(in[3].data<float>()),
          mean(in[4].data<float>()),
          invstd(in[5].data<float>()),
          dx(out[0].data<bf16>()),
          dgamma(out[1].data<float>()),
          dbeta(out[2].data<float>()),
          pixels(static_cast<int>(in[0].numel() / in[0].dim(3))),
          channels(static_cast<int>(in[0].dim(3))) {}

    __device__ float normalised(int i, int c) const { return (to_float(x[i]) - mean[c]) * invstd[c]; }
    /// The gradient that ReLU let through.
    __device__ float gradient(int i, int c, float z) const {
        return z * gamma[c] + beta[c] > 0 ? to_float(dy[i]) : 0.0f;
    }
};

/// dx of an element a thread, once the sums are known.
__global__ void batch_norm_backward_dx(BatchNormBackward b) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= b.pixels * b.channels) return;
    const int c = i % b.channels;
    const float z = b.normalised(i, c), g = b.gradient(i, c, z), n = static_cast<float>(b.pixels);
    b.dx[i] = from_float<bf16>(b.gamma[c] * b.invstd[c] * (g - b.dbeta[c] / n - z * b.dgamma[c] / n));
}

}  // namespace
}  // namespace camber::CAMBER_GPU
