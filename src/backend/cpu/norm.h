#pragma once
#include <camber/channel_slice.h>

#include <cmath>

#include "backend/cpu/columns.h"

/// What the files of batch normalisation share.
namespace camber::cpu {

inline double inverse_deviation(double variance, double eps) { return 1 / std::sqrt(variance + eps); }

/// What channels are normalised with, expanded to rows: output = (x - mean) * scale + beta, scale = gamma * invstd.
class Affine {
  public:
    /// invstd(channel) in f32, as the caller of batch_norm_train keeps it.
    template <class F>
    Affine(const Columns& columns, const float* mean, F&& invstd, const float* gamma, const float* beta)
        : scratch_(static_cast<std::size_t>(columns.period) * 3 * sizeof(float)), period_(columns.period) {
        float* row = scratch_.as<float>();
        for (std::int64_t j = 0; j < period_; ++j) {
            const std::int64_t channel = j % columns.channels;
            row[j] = mean[channel];
            row[period_ + j] = gamma[channel] * static_cast<float>(invstd(channel));
            row[2 * period_ + j] = beta[channel];
        }
    }
    const float* mean() const { return scratch_.as<float>(); }
    const float* scale() const { return mean() + period_; }
    const float* beta() const { return scale() + period_; }

  private:
    Scratch scratch_;
    std::int64_t period_;
};

/// norm_pool.cpp. y = the normalised x, pooled = the maxima of its 2x2 windows, in one pass.
void normalise_and_pool(const Affine& affine, const Tensor& x, const ChannelSlice& y, const Tensor& pooled, bool relu);

/// norm_pool.cpp. batch_norm_backward() with dpooled.
void pooled_backward(const Affine& affine, const float* invstd, const Tensor& x, const ChannelSlice& dy,
                     const Tensor& dpooled, const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta, bool relu);

}  // namespace camber::cpu
