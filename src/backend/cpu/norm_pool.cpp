#include "backend/cpu/image.h"
#include "backend/cpu/norm.h"
#include "backend/shared_sums.h"

/// Batch normalisation and the maxima of 2x2 windows of what it gives: each tensor is read once, where a pooling of its
/// own would read the normalised one again, forward and backward. A window takes the part of the tensor that its four
/// pixels are; with odd extents the last row or column is in none, but is normalised all the same.
namespace camber::cpu {
namespace {

CAMBER_VEC Vec rounded(Vec v, float) { return v; }
CAMBER_VEC Vec rounded(Vec v, bf16) { return widen(narrow(v)); }

/// A 2x2 window of an image: its pixels in row-major order, and where its maximum lies among those of the others.
struct Window {
    std::int64_t pixel[4], maximum;
    bool has[4];  ///< with odd extents the last ones are cut: they have no maximum
};

/// Calls body(window, bool constant: whether it is whole) for every window of rows [begin, end) of windows, of which an
/// image has (h + 1) / 2.
template <class F>
CAMBER_VEC void for_windows(const Extents& in, std::int64_t begin, std::int64_t end, F&& body) {
    for (std::int64_t row = begin; row < end; ++row) {
        const std::int64_t n = row / ((in.h + 1) / 2), i = row % ((in.h + 1) / 2), top = (n * in.h + 2 * i) * in.w;
        const std::int64_t maxima = (n * (in.h / 2) + i) * (in.w / 2);
        const bool two_rows = 2 * i + 1 < in.h;
        for (std::int64_t j = 0; 2 * j < in.w; ++j) {
            const std::int64_t p = top + 2 * j;
            const bool two_columns = 2 * j + 1 < in.w, whole = two_rows && two_columns;
            const Window window{{p, p + 1, p + in.w, p + in.w + 1}, maxima + j, {true, two_columns, two_rows, whole}};
            if (whole) {
                body(window, std::true_type{});
            } else {
                body(window, std::false_type{});
            }
        }
    }
}

/// What the channels are normalised with.
struct Coefficients {
    const float *mean, *scale, *beta;

    explicit Coefficients(const Affine& affine) : mean(affine.mean()), scale(affine.scale()), beta(affine.beta()) {}
};

/// Four pixels' channels [c, c + 16), normalised.
template <bool whole>
struct Normalised {
    Vec deviation[4], output[4];  ///< from the mean; before ReLU

    template <class T, class Part>
    CAMBER_VEC Normalised(const Coefficients& by, const T* x, std::int64_t channels, const Window& window,
                          std::int64_t c, Part part) {
        const Vec mean = load(by.mean + c, part), scale = load(by.scale + c, part), beta = load(by.beta + c, part);
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) {
            deviation[k] = whole || window.has[k] ? load(x + window.pixel[k] * channels + c, part) - mean : Vec{};
            output[k] = fma(deviation[k], scale, beta);
        }
    }
};

CAMBER_VEC Vec lowest(bool relu) { return splat(relu ? 0.f : -std::numeric_limits<float>::infinity()); }

/// Rows of windows in a tensor.
std::int64_t window_rows(const Extents& in) { return in.n * ((in.h + 1) / 2); }

template <class T>
void forward(const Affine& affine, const Tensor& x, const ChannelSlice& y, const Tensor& pooled, bool relu) {
    const Extents in(x);
    const T* px = x.data<T>();
    T *py = y.tensor.data<T>() + y.begin, *ppooled = pooled.data<T>();
    const std::int64_t stride = y.tensor.dim(3);
    // Whole lines of the cache, or one pixel after the other.
    constexpr std::int64_t line = 64 / sizeof(T);
    const bool streams =
        in.whole_vectors() && (stride == in.c || (in.c % line == 0 && y.begin % line == 0 && stride % line == 0));
    const Coefficients by(affine);
    with_store(y.tensor, !streams, [&](auto write) {
        parallel_ranges(window_rows(in), 1, x.numel(), [&](std::int64_t begin, std::int64_t end) {
            for_windows(in, begin, end, [=](const Window& window, auto whole) {
                for_vectors(0, in.c, [=](std::int64_t c, auto part) {
                    const Vec least = lowest(relu);
                    const Normalised<whole()> values(by, px, in.c, window, c, part);
                    Vec maximum{};
#pragma GCC unroll 4
                    for (int k = 0; k < 4; ++k) {
                        const Vec v = at_least(least, values.output[k]);
                        if (whole || window.has[k]) write(py + window.pixel[k] * stride + c, v, part);
                        maximum = k == 0 ? v : select(exceeds(v, maximum), v, maximum);
                    }
                    if (whole) store(ppooled + window.maximum * in.c + c, maximum, part);
                });
            });
        });
    });
}

/// What reaches the four normalised values of a window: dy, and at the maximum dpooled, as ReLU lets them through.
template <class T>
struct Incoming {
    const T *dy, *dpooled;          ///< dy: of the first pixel, or null
    std::int64_t stride, channels;  ///< between pixels of dy, of dpooled
    bool relu;

    template <bool whole, class Part>
    CAMBER_VEC void operator()(Vec (&g)[4], const Normalised<whole>& values, const Window& window, std::int64_t c,
                               Part part) const {
        const Vec least = lowest(relu);
        const Vec through = whole ? load(dpooled + window.maximum * channels + c, part) : Vec{};
        const auto here = static_cast<std::int32_t>(window.maximum);  // with constants GCC 12 counts in bits of masks
        IntVec best{};
        Vec largest{};
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) {
            // As the forward pass stored it: what rounds alike is equal.
            const Vec v = rounded(at_least(least, values.output[k]), T{});
            const IntVec larger = exceeds(v, largest), position = IntVec{} + (here + k);
            best = k == 0 ? position : larger ? position : best;
            largest = k == 0 ? v : select(larger, v, largest);
        }
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) {
            Vec sum = select(best == here + k, through, Vec{});
            if (dy && (whole || window.has[k])) {
                const T* from = dy + window.pixel[k] * stride + c;
                fetch_ahead(from);
                sum += load(from, part);
            }
            g[k] = relu ? select(values.output[k] > 0.f, sum, Vec{}) : sum;
        }
    }
};

template <class T>
void backward(const Affine& affine, const float* invstd, const Tensor& x, const ChannelSlice& dy, const Tensor& dpooled,
              const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta, bool relu) {
    const Extents in(x);
    const std::int64_t channels = in.c, rows = window_rows(in);
    const T* px = x.data<T>();
    const Incoming<T> incoming = {dy ? dy.tensor.data<T>() + dy.begin : nullptr, dpooled.data<T>(),
                                  dy ? dy.tensor.dim(3) : 0, channels, relu};
    T* pdx = dx.data<T>();  // of what reaches the normalised values first, then of x
    const Coefficients by(affine);

    // A row of windows is summed in f32, rows in f64, in shares that do not depend on the threads.
    const std::int64_t chunks = std::clamp<std::int64_t>(x.numel() / Columns::chunk_elements, 1,
                                                         std::min<std::int64_t>(rows, Columns::max_chunks));
    const std::int64_t width = round_up(channels, lanes);
    const auto count = static_cast<std::size_t>(chunks * 2 * width);
    const Scratch scratch(count * (sizeof(double) + sizeof(float)));
    double* totals = scratch.as<double>();
    float* partial = scratch.as<float>(count * sizeof(double));
    parallel_for(chunks, x.numel() / chunks, [&](std::int64_t chunk) {
        double* total = totals + chunk * 2 * width;
        float *sum = partial + chunk * 2 * width, *product = sum + width;
        std::fill_n(total, 2 * width, 0.0);
        for (std::int64_t row = rows * chunk / chunks; row < rows * (chunk + 1) / chunks; ++row) {
            std::fill_n(sum, 2 * width, 0.f);
            for_windows(in, row, row + 1, [=](const Window& window, auto whole) {
                for_vectors(0, channels, [=](std::int64_t c, auto part) {
                    const Normalised<whole()> values(by, px, channels, window, c, part);
                    Vec g[4], s{}, d{};
                    incoming(g, values, window, c, part);
#pragma GCC unroll 4
                    for (int k = 0; k < 4; ++k) {
                        s += g[k];
                        d = fma(g[k], values.deviation[k], d);
                        if (whole || window.has[k]) store(pdx + window.pixel[k] * channels + c, g[k], part);
                    }
                    store(sum + c, load(sum + c) + s);
                    store(product + c, load(product + c) + d);
                });
            });
            for (std::int64_t i = 0; i < 2 * width; ++i) total[i] += static_cast<double>(sum[i]);
        }
    });

    // dx = scale * (g - mean of g - deviation * slope)
    const Columns columns(x);
    const std::int64_t period = columns.period;
    const Scratch coefficients(static_cast<std::size_t>(2 * period) * sizeof(float));
    float *average = coefficients.as<float>(), *slope = average + period;
    double *const sum = totals, *const product = totals + width;  // of the chunks, in the first one's place
    for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t chunk = 1; chunk < chunks; ++chunk) {
            sum[c] += totals[chunk * 2 * width + c];
            product[c] += totals[chunk * 2 * width + width + c];
        }
        dgamma.data<float>()[c] = static_cast<float>(product[c] * static_cast<double>(invstd[c]));
        dbeta.data<float>()[c] = static_cast<float>(sum[c]);
    }
    share_gradient_sums({totals, static_cast<std::size_t>(2 * width)});
    const double pixels = normalised_values(x);
    for (std::int64_t j = 0; j < period; ++j) {
        const std::int64_t c = j % channels;
        const double inverse = static_cast<double>(invstd[c]);
        average[j] = static_cast<float>(sum[c] / pixels);
        slope[j] = static_cast<float>(product[c] * inverse * inverse / pixels);
    }
    const float *mean = affine.mean(), *scale = affine.scale();
    columns.parallel_rows([=](std::int64_t i, std::int64_t j, auto part) {
        const Vec deviation = load(px + i, part) - load(mean + j), g = load(pdx + i, part);
        store(pdx + i, load(scale + j) * fma(-deviation, load(slope + j), g - load(average + j)), part);
    });
}

}  // namespace

void normalise_and_pool(const Affine& affine, const Tensor& x, const ChannelSlice& y, const Tensor& pooled, bool relu) {
    with_activation("batch_norm_train", x.dtype(), [&]<class T>(T) { forward<T>(affine, x, y, pooled, relu); });
}

void pooled_backward(const Affine& affine, const float* invstd, const Tensor& x, const ChannelSlice& dy,
                     const Tensor& dpooled, const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta, bool relu) {
    with_activation("batch_norm_backward", x.dtype(),
                    [&]<class T>(T) { backward<T>(affine, invstd, x, dy, dpooled, dx, dgamma, dbeta, relu); });
}

}  // namespace camber::cpu
