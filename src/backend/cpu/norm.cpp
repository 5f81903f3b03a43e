#include "backend/cpu/norm.h"

#include "backend/cpu/cpu_backend.h"
#include "backend/shared_sums.h"

namespace camber::cpu {
namespace {

/// Count, mean and sum of squared deviations of some values, merged as Chan, Golub and LeVeque (1979) do: sound however
/// far the mean is from zero.
struct Moments {
    double count = 0, mean = 0, squares = 0;

    void merge(double n, double m, double s) {
        if (n == 0) return;
        const double all = count + n, delta = m - mean;
        squares += s + delta * delta * count * n / all;
        mean += delta * n / all;
        count = all;
    }
};

/// Mean and biased variance of every channel in one pass: in f32 over blocks of rows, each shifted by the mean so far,
/// so that deviations keep their digits; blocks are merged in f64.
template <class T>
void statistics(const Columns& columns, const T* x, double* means, double* variances) {
    const std::int64_t period = columns.period, chunks = columns.chunks, block = columns.block_rows();
    const auto width = static_cast<std::size_t>(period), all = static_cast<std::size_t>(chunks) * width;
    const Scratch scratch(all * (2 * sizeof(double) + 3 * sizeof(float)));
    double *chunk_means = scratch.as<double>(), *chunk_squares = chunk_means + all;
    float* sums = scratch.as<float>(all * 2 * sizeof(double));
    parallel_for(chunks, columns.count / chunks, [&](std::int64_t chunk) {
        double *mean = chunk_means + chunk * period, *square = chunk_squares + chunk * period;
        float *shift = sums + chunk * 3 * period, *sum1 = shift + period, *sum2 = sum1 + period;
        std::fill_n(mean, width, 0.0);
        std::fill_n(square, width, 0.0);
        std::fill_n(shift, width, 0.f);
        const std::int64_t first = columns.chunk_begin(chunk), last = columns.chunk_begin(chunk + 1);
        columns.for_rows(first, first + 1,
                         [&](std::int64_t i, std::int64_t j, auto part) { store(shift + j, load(x + i, part)); });
        for (std::int64_t begin = first; begin < last; begin += block) {
            const std::int64_t end = std::min(last, begin + block);
            sum_rows<2>(
                columns, begin, end,
                [=](std::int64_t i, std::int64_t j, auto part) -> std::array<Vec, 2> {
                    const Vec d = keep(load(x + i, part) - load(shift + j), part);
                    return {d, d * d};
                },
                sum1);
            const auto merge = [&](std::int64_t from, std::int64_t to, double n) {
                const double before = static_cast<double>(begin - first), weight = before * n / (before + n);
                for (std::int64_t j = from; j < to; ++j) {
                    const double s = static_cast<double>(sum1[j]) / n;
                    const double delta = static_cast<double>(shift[j]) + s - mean[j];
                    square[j] += static_cast<double>(sum2[j]) - s * s * n + delta * delta * weight;
                    mean[j] += delta * n / (before + n);
                    shift[j] = static_cast<float>(mean[j]);
                }
            };
            const auto rows = static_cast<double>(end - begin);
            const std::int64_t full = end == columns.rows ? columns.count - (columns.rows - 1) * period : period;
            merge(0, full, rows);
            if (rows > 1) merge(full, period, rows - 1);
        }
    });
    parallel_for(columns.channels, 8 * chunks * period / columns.channels, [&](std::int64_t channel) {
        Moments moments;
        for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
            for (std::int64_t j = channel; j < period; j += columns.channels)
                moments.merge(
                    static_cast<double>(columns.height(columns.chunk_begin(chunk), columns.chunk_begin(chunk + 1), j)),
                    chunk_means[chunk * period + j], chunk_squares[chunk * period + j]);
        means[channel] = moments.mean;
        variances[channel] = std::max(0.0, moments.squares / moments.count);
    });
}

template <class T>
void apply(const Columns& columns, const Affine& affine, const Tensor& x, const Tensor& residual, const Tensor& y,
           bool relu) {
    const T *from = x.data<T>(), *added = residual ? residual.data<T>() : nullptr;
    T* to = y.data<T>();
    const float *mean = affine.mean(), *scale = affine.scale(), *beta = affine.beta();
    const float lowest = relu ? 0.f : -std::numeric_limits<float>::infinity();
    with_store(y, x.raw() == y.raw(), [&](auto write) {
        columns.parallel_rows([=](std::int64_t i, std::int64_t j, auto part) {
            Vec z = fma(load(from + i, part) - load(mean + j), load(scale + j), load(beta + j));
            if (added) z += load(added + i, part);
            write(to + i, at_least(splat(lowest), z), part);
        });
    });
}

/// Gradients of both kinds of normalisation; with `batch_statistics` mean and invstd depend on x (Ioffe and Szegedy
/// 2015, section 3), else they are constants.
template <class T, class F>
void backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& gamma, const Tensor& beta,
              const Tensor& mean, F&& invstd, const Tensor& dx, const Tensor& dresidual, const Tensor& dgamma,
              const Tensor& dbeta, bool relu, bool batch_statistics) {
    const Columns columns(x);
    const std::int64_t channels = columns.channels, period = columns.period;
    const Affine affine(columns, mean.data<float>(), invstd, gamma.data<float>(), beta.data<float>());
    const float *center = affine.mean(), *scale = affine.scale(), *offset = affine.beta();
    const T *px = x.data<T>(), *py = y ? y.data<T>() : nullptr, *pdy = dy.data<T>();
    T* const masked = dresidual ? dresidual.data<T>() : nullptr;
    // The gradient that reaches the normalised value: dy where ReLU let it through.
    const auto gradient = [=](Vec deviation, std::int64_t i, std::int64_t j, auto part) {
        const Vec g = load(pdy + i, part);
        if (!relu) return g;
        if (py) return load(py + i, part) > 0.f ? g : Vec{};
        return fma(deviation, load(scale + j), load(offset + j)) > 0.f ? g : Vec{};
    };

    const auto width = static_cast<std::size_t>(channels);
    const Scratch scratch(2 * width * sizeof(double) + 2 * static_cast<std::size_t>(period) * sizeof(float));
    double *sum = scratch.as<double>(), *sum_deviation = sum + channels;
    column_sums<2>(columns,
                   [=](std::int64_t i, std::int64_t j, auto part) -> std::array<Vec, 2> {
                       const Vec deviation = load(px + i, part) - load(center + j);
                       const Vec g = gradient(deviation, i, j, part);
                       if (masked) store(masked + i, g, part);
                       return {g, g * deviation};
                   },
                   {sum, sum_deviation});

    for (std::int64_t channel = 0; channel < channels; ++channel) {
        if (dgamma) dgamma.data<float>()[channel] = static_cast<float>(sum_deviation[channel] * invstd(channel));
        if (dbeta) dbeta.data<float>()[channel] = static_cast<float>(sum[channel]);
    }
    if (!dx) return;
    // dx = scale * (g - mean of g - deviation * slope)
    float *average = scratch.as<float>(2 * width * sizeof(double)), *slope = average + period;
    if (batch_statistics) share_gradient_sums({sum, 2 * width});
    const double count = normalised_values(x);
    for (std::int64_t j = 0; j < period; ++j) {
        const std::int64_t channel = j % channels;
        const double inverse = invstd(channel);
        average[j] = batch_statistics ? static_cast<float>(sum[channel] / count) : 0.f;
        slope[j] = batch_statistics ? static_cast<float>(sum_deviation[channel] * inverse * inverse / count) : 0.f;
    }
    T* pdx = dx.data<T>();
    with_store(dx, dx.raw() == dy.raw() || dx.raw() == x.raw(), [&](auto write) {
        columns.parallel_rows([=](std::int64_t i, std::int64_t j, auto part) {
            const Vec deviation = load(px + i, part) - load(center + j);
            const Vec g = masked ? load(masked + i, part) : gradient(deviation, i, j, part);
            write(pdx + i, load(scale + j) * fma(-deviation, load(slope + j), g - load(average + j)), part);
        });
    });
}

}  // namespace

void CpuBackend::batch_norm_train(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                                  const Tensor& offset, const Tensor& running_mean, const Tensor& running_var,
                                  const ChannelSlice& y, const Tensor& pooled, const Tensor& mean, const Tensor& invstd,
                                  const BatchNormParams& p) {
    with_activation("batch_norm_train", x.dtype(), [&]<class T>(T) {
        const Columns columns(x);
        const Scratch scratch(2 * static_cast<std::size_t>(columns.channels) * sizeof(double));
        double *means = scratch.as<double>(), *variances = means + columns.channels;
        statistics(columns, x.data<T>(), means, variances);
        share_moments(x, {means, static_cast<std::size_t>(columns.channels)},
                      {variances, static_cast<std::size_t>(columns.channels)}, [&](std::size_t c) {
                          const float left_out = offset ? offset.data<float>()[c] : 0.f;
                          return static_cast<double>(running_mean.data<float>()[c] - left_out);
                      });
        const double count = normalised_values(x);
        // A single value has no unbiased variance; it counts with its biased one, 0.
        const double correction = p.unbiased && count > 1 ? count / (count - 1) : 1.0;
        const auto blend = [&](float& running, double value) {
            running = static_cast<float>((1 - p.momentum) * static_cast<double>(running) + p.momentum * value);
        };
        float* inverse = invstd.data<float>();
        for (std::int64_t c = 0; c < columns.channels; ++c) {
            mean.data<float>()[c] = static_cast<float>(means[c]);
            inverse[c] = static_cast<float>(inverse_deviation(variances[c], p.eps));
            blend(running_mean.data<float>()[c],
                  means[c] + (offset ? static_cast<double>(offset.data<float>()[c]) : 0.0));
            blend(running_var.data<float>()[c], variances[c] * correction);
        }
        const Affine affine(
            columns, mean.data<float>(), [=](std::int64_t c) { return inverse[c]; }, gamma.data<float>(),
            beta.data<float>());
        if (pooled) return normalise_and_pool(affine, x, y, pooled, p.relu);
        apply<T>(columns, affine, x, residual, y.tensor, p.relu);
    });
}

void CpuBackend::batch_norm_inference(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                                      const Tensor& running_mean, const Tensor& running_var, const ChannelSlice& y,
                                      const Tensor& pooled, const BatchNormParams& p) {
    with_activation("batch_norm_inference", x.dtype(), [&]<class T>(T) {
        const Columns columns(x);
        const float* variance = running_var.data<float>();
        const auto invstd = [=, &p](std::int64_t c) {
            return inverse_deviation(static_cast<double>(variance[c]), p.eps);
        };
        const Affine affine(columns, running_mean.data<float>(), invstd, gamma.data<float>(), beta.data<float>());
        if (pooled) return normalise_and_pool(affine, x, y, pooled, p.relu);
        apply<T>(columns, affine, x, residual, y.tensor, p.relu);
    });
}

void CpuBackend::batch_norm_backward(const Tensor& x, const Tensor& y, const ChannelSlice& dy, const Tensor& dpooled,
                                     const Tensor& gamma, const Tensor& beta, const Tensor& mean, const Tensor& invstd,
                                     const Tensor& dx, const Tensor& dresidual, const Tensor& dgamma,
                                     const Tensor& dbeta, const BatchNormParams& p) {
    const float* inverse = invstd.data<float>();
    if (dpooled) {
        const Affine affine(
            Columns(x), mean.data<float>(), [=](std::int64_t c) { return inverse[c]; }, gamma.data<float>(),
            beta.data<float>());
        return pooled_backward(affine, inverse, x, dy, dpooled, dx, dgamma, dbeta, p.relu);
    }
    with_activation("batch_norm_backward", x.dtype(), [&]<class T>(T) {
        backward<T>(
            x, y, dy.tensor, gamma, beta, mean, [=](std::int64_t c) { return static_cast<double>(inverse[c]); }, dx,
            dresidual, dgamma, dbeta, p.relu, true);
    });
}

void CpuBackend::batch_norm_inference_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& gamma,
                                               const Tensor& beta, const Tensor& running_mean,
                                               const Tensor& running_var, const Tensor& dx, const Tensor& dresidual,
                                               const Tensor& dgamma, const Tensor& dbeta, const BatchNormParams& p) {
    with_activation("batch_norm_inference_backward", x.dtype(), [&]<class T>(T) {
        const float* variance = running_var.data<float>();
        const auto invstd = [=, &p](std::int64_t c) {
            return inverse_deviation(static_cast<double>(variance[c]), p.eps);
        };
        backward<T>(x, y, dy, gamma, beta, running_mean, invstd, dx, dresidual, dgamma, dbeta, p.relu, false);
    });
}

}  // namespace camber::cpu
