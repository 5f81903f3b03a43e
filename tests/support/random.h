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
