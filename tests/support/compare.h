#pragma once
#include <camber/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

/// Tensors of any device and dtype as doubles on the host, and how far apart two of them are.
namespace camber::testing {

inline std::vector<double> values_of(const Tensor& tensor) {
    const auto widened = [](const auto& values) { return std::vector<double>(values.begin(), values.end()); };
    switch (tensor.dtype()) {
        case Dtype::f64:
            return tensor.to_vector<double>();
        case Dtype::f32:
            return widened(tensor.to_vector<float>());
        case Dtype::bf16:
            return widened(tensor.to_vector<bf16>());
        case Dtype::i32:
            return widened(tensor.to_vector<std::int32_t>());
        case Dtype::u8:
            return widened(tensor.to_vector<std::uint8_t>());
    }
    return {};
}

/// A copy of a floating tensor in another dtype and on another device, rounded to nearest.
inline Tensor converted(const Tensor& tensor, Dtype dtype, Device device) {
    const std::vector<double> values = values_of(tensor);
    const auto narrowed = [&]<class T>(T) {
        std::vector<T> result;
        for (const double value : values) result.push_back(static_cast<T>(value));
        return Tensor::from(result, tensor.shape(), device);
    };
    switch (dtype) {
        case Dtype::f64:
            return narrowed(double{});
        case Dtype::f32:
            return narrowed(float{});
        case Dtype::bf16:
            return narrowed(bf16{});
        default:
            fail("converted: {} is not a floating dtype", name(dtype));
    }
}

/// The largest |actual - expected| relative to the largest |expected| (absolute where all expected are 0). Infinite
/// when the shapes differ or a value is not finite.
inline double relative_error(const Tensor& actual, const Tensor& expected) {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    if (!actual || actual.shape() != expected.shape()) return infinite;
    const std::vector<double> a = values_of(actual), e = values_of(expected);
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!std::isfinite(a[i]) || !std::isfinite(e[i])) return infinite;
        largest = std::max(largest, std::abs(e[i]));
        difference = std::max(difference, std::abs(a[i] - e[i]));
    }
    return largest > 0 ? difference / largest : difference;
}

/// relative_error() with the place and size of the worst element, for messages.
inline std::string describe_difference(const Tensor& actual, const Tensor& expected) {
    if (!actual) return "there is no result";
    if (actual.shape() != expected.shape())
        return "shape " + actual.shape().str() + " instead of " + expected.shape().str();
    const std::vector<double> a = values_of(actual), e = values_of(expected);
    std::size_t worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!(std::abs(a[i] - e[i]) <= std::abs(a[worst] - e[worst]))) worst = i;
    return fmt::format("worst at element {} of {}: {} instead of {}", worst, actual.shape().str(), a[worst], e[worst]);
}

}  // namespace camber::testing
