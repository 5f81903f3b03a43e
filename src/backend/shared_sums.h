#pragma once
#include <camber/tensor.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/batch_share.h"

/// Where a batch is shared (core/batch_share.h): what a share's sums become those of all of it by. Else each leaves
/// everything as it is.
namespace camber {

/// Values a channel of x [N, H, W, C] that batch normalisation is over.
inline double normalised_values(const Tensor& x) {
    const std::int64_t own = x.numel() / x.shape().back();
    const BatchShare* const share = batch_norm_share();
    return static_cast<double>(share ? own / x.dim(0) * share->images : own);
}

/// Means and biased variances of a share of x become the batch's. shift(channel): a number near the mean that all
/// shares have; the sums are of what is left of it, and keep their digits.
template <class F>
void share_moments(const Tensor& x, std::span<double> means, std::span<double> variances, F&& shift) {
    const BatchShare* const share = batch_norm_share();
    if (!share) return;
    const std::size_t channels = means.size();
    const double own = static_cast<double>(x.numel() / x.shape().back()), all = normalised_values(x);
    std::vector<double> sums(2 * channels);
    for (std::size_t c = 0; c < channels; ++c) {
        const double mean = means[c] - shift(c);
        sums[c] = own * mean;
        sums[channels + c] = own * (variances[c] + mean * mean);
    }
    share->sum(sums);
    for (std::size_t c = 0; c < channels; ++c) {
        const double mean = sums[c] / all;
        means[c] = shift(c) + mean;
        variances[c] = std::max(0.0, sums[channels + c] / all - mean * mean);
    }
}

/// The two sums of batch normalisation's backward pass.
inline void share_gradient_sums(std::span<double> sums) {
    if (const BatchShare* const share = batch_norm_share()) share->sum(sums);
}

/// The sums of segmentation_loss: `stats` as the primitive leaves them, whose class sums are of images where
/// `per_image`, and the two terms that are no functions of them.
inline void share_loss_sums(std::span<double> stats, bool per_image, double& cross_entropy, double& focal) {
    const BatchShare* const share = batch_share();
    if (!share) return;
    const std::span<double> shared = per_image ? stats.last(2) : stats;
    std::vector<double> sums(shared.begin(), shared.end());
    sums.push_back(cross_entropy);
    sums.push_back(focal);
    share->sum(sums);
    std::copy_n(sums.begin(), shared.size(), shared.begin());
    cross_entropy = sums[shared.size()];
    focal = sums[shared.size() + 1];
}

/// Dice's and Jaccard's part of the loss is a sum over images where `per_image`: what it added to `before`.
inline void share_image_terms(bool per_image, double before, double& total) {
    const BatchShare* const share = batch_share();
    if (!share || !per_image) return;
    double own = total - before;
    share->sum({&own, 1});
    total = before + own;
}

/// Groups that the mean of Dice and Jaccard is over, of which this process has `own`.
inline std::int64_t groups_of_batch(std::int64_t own, bool per_image) {
    const BatchShare* const share = batch_share();
    return share && per_image && own > 0 ? share->images : own;
}

}  // namespace camber
