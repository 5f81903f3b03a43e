#include <cmath>
#include <vector>

#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"
#include "backend/shared_sums.h"

namespace camber::reference {
namespace {

/// What one channel is normalised with: normalised = (x - mean) * invstd, output = gamma * normalised + beta.
struct Channel {
    double mean, invstd, gamma, beta;

    double normalised(double x) const { return (x - mean) * invstd; }
    double output(double x) const { return gamma * normalised(x) + beta; }
};

double inverse_deviation(double variance, double eps) { return 1 / std::sqrt(variance + eps); }

/// y = output [+ residual] of channel c for its `count` elements.
template <class A>
void apply(const Tensor& x, const Tensor& residual, const Tensor& y, std::int64_t c, std::int64_t count,
           const Channel& channel, bool relu) {
    const std::int64_t channels = x.shape().back();
    const A *px = x.data<A>(), *added = data_or_null<A>(residual);
    A* py = y.data<A>();
    for (std::int64_t i = c; i < count * channels; i += channels) {
        double z = channel.output(static_cast<double>(px[i]));
        if (added) z += static_cast<double>(added[i]);
        py[i] = static_cast<A>(relu && z <= 0 ? 0.0 : z);
    }
}

/// Gradients for every channel; incoming(i) is that of element i of the output. With `batch_statistics` mean and invstd
/// depend on x (Ioffe and Szegedy 2015, section 3), else they are constants.
template <class A, class Incoming, class ChannelOf>
void backward(const Tensor& x, const Tensor& y, Incoming incoming, const Tensor& dx, const Tensor& dresidual,
              const Tensor& dgamma, const Tensor& dbeta, bool relu, bool batch_statistics, ChannelOf channel_of) {
    using P = parameter_t<A>;
    const std::int64_t channels = x.shape().back(), count = rows_of(x);
    const A* px = x.data<A>();
    const A* py = data_or_null<A>(y);
    A* pdx = data_or_null<A>(dx);
    A* pdresidual = data_or_null<A>(dresidual);
    P* pdgamma = data_or_null<P>(dgamma);
    P* pdbeta = data_or_null<P>(dbeta);
    const auto gradient = [&](const Channel& channel, std::int64_t i) {
        const double g = incoming(i);
        return relu && (py ? static_cast<double>(py[i]) : channel.output(static_cast<double>(px[i]))) <= 0 ? 0.0 : g;
    };
    std::vector<double> sums(2 * static_cast<std::size_t>(channels));  // of the gradient, and times the normalised x
    double *const sum = sums.data(), *const sum_normalised = sum + channels;
#pragma omp parallel for if (worth_threads(x.numel()))
    for (std::int64_t c = 0; c < channels; ++c) {
        const Channel channel = channel_of(c);
        for (std::int64_t i = c; i < count * channels; i += channels) {
            const double g = gradient(channel, i);
            sum[c] += g;
            sum_normalised[c] += g * channel.normalised(static_cast<double>(px[i]));
        }
        if (pdbeta) pdbeta[c] = static_cast<P>(sum[c]);
        if (pdgamma) pdgamma[c] = static_cast<P>(sum_normalised[c]);
    }
    if (batch_statistics) share_gradient_sums(sums);
    const double all = normalised_values(x);
#pragma omp parallel for if (worth_threads(x.numel()))
    for (std::int64_t c = 0; c < channels; ++c) {
        const Channel channel = channel_of(c);
        const double mean = batch_statistics ? sum[c] / all : 0.0;
        const double slope = batch_statistics ? sum_normalised[c] / all : 0.0;
        for (std::int64_t i = c; i < count * channels; i += channels) {
            const double g = gradient(channel, i),
                         centred = g - mean - channel.normalised(static_cast<double>(px[i])) * slope;
            if (pdresidual) pdresidual[i] = static_cast<A>(g);
            if (pdx) pdx[i] = static_cast<A>(channel.gamma * channel.invstd * centred);
        }
    }
}

/// A tensor of x's shape for what goes to the slice: its own where that is all of it.
Tensor dense(const ChannelSlice& slice, const Tensor& x, const Tensor& residual, const Tensor& pooled) {
    const bool wide = slice.tensor.shape() != x.shape();
    if (pooled ? residual.defined() : wide) fail("batch_norm: no residual with maxima, no channels of y without them");
    return slice.tensor.shape() == x.shape() ? slice.tensor : Tensor::empty(x.shape(), x.dtype(), x.device());
}

/// Puts y where it belongs, and its maxima.
void finish(Backend& backend, const Tensor& y, const ChannelSlice& slice, const Tensor& pooled) {
    if (slice.tensor.shape() != y.shape()) backend.copy_channels(y, 0, slice.tensor, slice.begin, y.shape().back(), {});
    if (pooled) backend.max_pool2d(y, pooled, {});
}

}  // namespace

void ReferenceBackend::batch_norm_train(const Tensor& x, const Tensor& residual, const Tensor& gamma,
                                        const Tensor& beta, const Tensor& offset, const Tensor& running_mean,
                                        const Tensor& running_var, const ChannelSlice& slice, const Tensor& pooled,
                                        const Tensor& mean, const Tensor& invstd, const BatchNormParams& p) {
    const Tensor y = dense(slice, x, residual, pooled);
    with_floating(x.dtype(), [&]<class A>() {
        using P = parameter_t<A>;
        const std::int64_t channels = x.shape().back(), count = rows_of(x);
        const A* px = x.data<A>();
        const P* pgamma = gamma.data<P>();
        const P* pbeta = beta.data<P>();
        const P* poffset = data_or_null<P>(offset);
        P* pmean = mean.data<P>();
        P* pinvstd = invstd.data<P>();
        P* prunning_mean = running_mean.data<P>();
        P* prunning_var = running_var.data<P>();
        const double all = normalised_values(x);
        // A single value has no unbiased variance; it counts with its biased one, 0.
        const double correction = p.unbiased && all > 1 ? all / (all - 1) : 1.0;
        const auto blend = [&](P& running, double value) {
            running = static_cast<P>((1 - p.momentum) * static_cast<double>(running) + p.momentum * value);
        };
        const auto width = static_cast<std::size_t>(channels);
        std::vector<double> means(width), variances(width);
#pragma omp parallel for if (worth_threads(x.numel()))
        for (std::int64_t c = 0; c < channels; ++c) {
            double sum = 0, squares = 0;
            for (std::int64_t i = c; i < count * channels; i += channels) sum += static_cast<double>(px[i]);
            const double average = sum / static_cast<double>(count);
            for (std::int64_t i = c; i < count * channels; i += channels) {
                const double deviation = static_cast<double>(px[i]) - average;
                squares += deviation * deviation;
            }
            means[static_cast<std::size_t>(c)] = average;
            variances[static_cast<std::size_t>(c)] = squares / static_cast<double>(count);
        }
        share_moments(x, means, variances, [&](std::size_t c) {
            return static_cast<double>(prunning_mean[c]) - (poffset ? static_cast<double>(poffset[c]) : 0.0);
        });
#pragma omp parallel for if (worth_threads(x.numel()))
        for (std::int64_t c = 0; c < channels; ++c) {
            const double average = means[static_cast<std::size_t>(c)],
                         variance = variances[static_cast<std::size_t>(c)];
            const Channel channel{average, inverse_deviation(variance, p.eps), static_cast<double>(pgamma[c]),
                                  static_cast<double>(pbeta[c])};
            pmean[c] = static_cast<P>(channel.mean);
            pinvstd[c] = static_cast<P>(channel.invstd);
            blend(prunning_mean[c], average + (poffset ? static_cast<double>(poffset[c]) : 0.0));
            blend(prunning_var[c], variance * correction);
            apply<A>(x, residual, y, c, count, channel, p.relu);
        }
    });
    finish(*this, y, slice, pooled);
}

void ReferenceBackend::batch_norm_inference(const Tensor& x, const Tensor& residual, const Tensor& gamma,
                                            const Tensor& beta, const Tensor& running_mean, const Tensor& running_var,
                                            const ChannelSlice& slice, const Tensor& pooled, const BatchNormParams& p) {
    const Tensor y = dense(slice, x, residual, pooled);
    with_floating(x.dtype(), [&]<class A>() {
        using P = parameter_t<A>;
        const std::int64_t channels = x.shape().back(), count = rows_of(x);
        const P* pgamma = gamma.data<P>();
        const P* pbeta = beta.data<P>();
        const P* pmean = running_mean.data<P>();
        const P* pvar = running_var.data<P>();
#pragma omp parallel for if (worth_threads(x.numel()))
        for (std::int64_t c = 0; c < channels; ++c) {
            const Channel channel{static_cast<double>(pmean[c]), inverse_deviation(static_cast<double>(pvar[c]), p.eps),
                                  static_cast<double>(pgamma[c]), static_cast<double>(pbeta[c])};
            apply<A>(x, residual, y, c, count, channel, p.relu);
        }
    });
    finish(*this, y, slice, pooled);
}

void ReferenceBackend::batch_norm_backward(const Tensor& x, const Tensor& y, const ChannelSlice& dy,
                                           const Tensor& dpooled, const Tensor& gamma, const Tensor& beta,
                                           const Tensor& mean, const Tensor& invstd, const Tensor& dx,
                                           const Tensor& dresidual, const Tensor& dgamma, const Tensor& dbeta,
                                           const BatchNormParams& p) {
    with_floating(x.dtype(), [&]<class A>() {
        using P = parameter_t<A>;
        const P* pgamma = gamma.data<P>();
        const P* pbeta = beta.data<P>();
        const P* pmean = mean.data<P>();
        const P* pinvstd = invstd.data<P>();
        const auto channel_of = [&](std::int64_t c) {
            return Channel{static_cast<double>(pmean[c]), static_cast<double>(pinvstd[c]),
                           static_cast<double>(pgamma[c]), static_cast<double>(pbeta[c])};
        };
        Tensor unpooled;  // the part of the gradient that comes through the maxima
        if (dpooled) {
            const Tensor output = Tensor::empty(x.shape(), x.dtype(), x.device());
            for (std::int64_t c = 0; c < x.dim(3); ++c) apply<A>(x, {}, output, c, rows_of(x), channel_of(c), p.relu);
            unpooled = Tensor::empty(x.shape(), x.dtype(), x.device());
            max_pool2d_backward(output, {}, dpooled, {}, unpooled, {});
        }
        const A *pdy = data_or_null<A>(dy.tensor), *punpooled = data_or_null<A>(unpooled);
        const std::int64_t channels = x.shape().back(), wide = dy ? dy.tensor.shape().back() : 0;
        const auto incoming = [&](std::int64_t i) {
            double g = punpooled ? static_cast<double>(punpooled[i]) : 0.0;
            if (pdy) g += static_cast<double>(pdy[i / channels * wide + dy.begin + i % channels]);
            return g;
        };
        backward<A>(x, y, incoming, dx, dresidual, dgamma, dbeta, p.relu, true, channel_of);
    });
}

void ReferenceBackend::batch_norm_inference_backward(const Tensor& x, const Tensor& y, const Tensor& dy,
                                                     const Tensor& gamma, const Tensor& beta,
                                                     const Tensor& running_mean, const Tensor& running_var,
                                                     const Tensor& dx, const Tensor& dresidual, const Tensor& dgamma,
                                                     const Tensor& dbeta, const BatchNormParams& p) {
    with_floating(x.dtype(), [&]<class A>() {
        using P = parameter_t<A>;
        const P* pgamma = gamma.data<P>();
        const P* pbeta = beta.data<P>();
        const P* pmean = running_mean.data<P>();
        const P* pvar = running_var.data<P>();
        const A* pdy = dy.data<A>();
        const auto incoming = [pdy](std::int64_t i) { return static_cast<double>(pdy[i]); };
        backward<A>(x, y, incoming, dx, dresidual, dgamma, dbeta, p.relu, false, [&](std::int64_t c) {
            return Channel{static_cast<double>(pmean[c]), inverse_deviation(static_cast<double>(pvar[c]), p.eps),
                           static_cast<double>(pgamma[c]), static_cast<double>(pbeta[c])};
        });
    });
}

}  // namespace camber::reference
