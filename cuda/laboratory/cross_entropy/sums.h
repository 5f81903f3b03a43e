#pragma once
#include "cuda/kernels/numeric.h"

/// What versions share: they add up loss and pixels in stats[0] and stats[1], and this makes of them what is wanted.
namespace camber::CAMBER_GPU {
namespace {

__global__ void cross_entropy_finish(float* loss, double* stats) {
    const double sum = stats[0], pixels = stats[1];
    *loss = static_cast<float>(pixels > 0 ? sum / pixels : 0);
    stats[0] = pixels;  // their weights are one
}

/// Starts kernel(logits, labels, pixels, classes, stats) for a thread a pixel, and finishes.
template <class Kernel>
void run_cross_entropy(Kernel* kernel, unsigned threads, std::size_t shared_bytes, const Tensor& logits,
                       const Tensor& labels, const Tensor& loss, const Tensor& stats) {
    set_bytes(stats.raw(), 0, stats.bytes());
    launch("cross_entropy", kernel, {blocks_for(labels.numel(), threads), threads, shared_bytes}, logits.data<bf16>(),
           labels.data<std::uint8_t>(), static_cast<int>(labels.numel()), static_cast<int>(logits.dim(3)),
           stats.data<double>());
    launch("cross_entropy, finish", cross_entropy_finish, {1, 1}, loss.data<float>(), stats.data<double>());
}

}  // namespace
}  // namespace camber::CAMBER_GPU
