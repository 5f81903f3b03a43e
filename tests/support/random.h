#pragma once
#include <camber/philox.h>
#include <camber/tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

/// Reproducible test inputs.
namespace camber::testing {

/// f64 on Device::reference, uniform in [low, high).
inline Tensor uniform(const Shape& shape, std::uint64_t seed, float low = -1, float high = 1) {
    Philox random({seed, Stream::init, 0});
    std::vector<double> values(static_cast<std::size_t>(shape.numel()));
    for (double& value : values) value = random.uniform(low, high);
    return Tensor::from(values, shape, Device::reference);
}

/// A leaf whose gradient is wanted.
inline Tensor leaf(Tensor tensor) { return tensor.set_requires_grad(true); }

inline Tensor uniform_leaf(const Shape& shape, std::uint64_t seed, float low = -1, float high = 1) {
    return leaf(uniform(shape, seed, low, high));
}

/// uniform() with |value| at least `gap`: away from where a ReLU has no derivative.
inline Tensor away_from_zero(const Shape& shape, std::uint64_t seed, double gap = 0.05) {
    const Tensor tensor = uniform(shape, seed);
    double* values = tensor.data<double>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) values[i] += std::copysign(gap, values[i]);
    return tensor;
}

/// Shuffled multiples of `step`, no two equal: a maximum stays where it is when an element changes a little.
inline Tensor distinct(const Shape& shape, std::uint64_t seed, double step = 0.05) {
    Philox random({seed, Stream::init, 0});
    std::vector<double> values(static_cast<std::size_t>(shape.numel()));
    std::iota(values.begin(), values.end(), 0.0);
    for (std::size_t i = values.size(); i > 1; --i)
        std::swap(values[i - 1], values[random.below(static_cast<std::uint32_t>(i))]);
    const double middle = static_cast<double>(values.size()) / 2;
    for (double& value : values) value = (value - middle) * step;
    return Tensor::from(values, shape, Device::reference);
}

/// [N, H, W, C] whose 2x2 windows have four values that are far apart, in any order: the maximum of a window is the
/// same in every dtype.
inline Tensor clear_maxima(const Shape& shape, std::uint64_t seed) {
    Philox random({seed, Stream::init, 0});
    std::vector<double> values(static_cast<std::size_t>(shape.numel()));
    const std::int64_t h = shape[1], w = shape[2], c = shape[3];
    for (std::int64_t n = 0; n < shape[0]; ++n)
        for (std::int64_t i = 0; i < h; i += 2)
            for (std::int64_t j = 0; j < w; j += 2)
                for (std::int64_t k = 0; k < c; ++k) {
                    double levels[4] = {-1, -0.4, 0.3, 0.9};
                    for (std::uint32_t left = 4; left > 1; --left)
                        std::swap(levels[left - 1], levels[random.below(left)]);
                    for (int p = 0; p < 4; ++p) {
                        const std::int64_t row = i + p / 2, column = j + p % 2;
                        if (row >= h || column >= w) continue;
                        values[static_cast<std::size_t>(((n * h + row) * w + column) * c + k)] =
                            levels[p] + static_cast<double>(random.uniform(-0.1f, 0.1f));
                    }
                }
    return Tensor::from(values, shape, Device::reference);
}

/// Labels below `classes`, about one in five replaced by `ignore_index` where that is not negative.
inline Tensor random_labels(const Shape& shape, int classes, std::uint64_t seed, int ignore_index = -1,
                            Device device = Device::reference) {
    Philox random({seed, Stream::init, 1});
    std::vector<std::uint8_t> values(static_cast<std::size_t>(shape.numel()));
    for (auto& value : values) {
        const bool is_void = random.below(5) == 0;
        const auto label = random.below(static_cast<std::uint32_t>(classes));
        value =
            static_cast<std::uint8_t>(is_void && ignore_index >= 0 ? static_cast<std::uint32_t>(ignore_index) : label);
    }
    return Tensor::from(values, shape, device);
}

}  // namespace camber::testing
