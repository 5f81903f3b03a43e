#include <camber/error.h>
#include <camber/init.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace camber::init {
namespace {

/// Uniform with a bound computed from the fans.
template <class Bound>
Initializer uniform_by_fans(Bound bound) {
    return [bound](std::span<float> values, const Shape& shape, const PhiloxKey& key) {
        uniform(bound(fans(shape)))(values, shape, key);
    };
}

/// Normal with a standard deviation computed from the fans.
template <class Deviation>
Initializer normal_by_fans(Deviation deviation) {
    return [deviation](std::span<float> values, const Shape& shape, const PhiloxKey& key) {
        const auto std = static_cast<float>(deviation(fans(shape)));
        Philox random(key);
        for (float& value : values) value = std * random.normal();
    };
}

/// Keras's: a normal cut at two of its standard deviations, widened so that the cut one has `deviation`.
template <class Deviation>
Initializer truncated_by_fans(Deviation deviation) {
    return [deviation](std::span<float> values, const Shape& shape, const PhiloxKey& key) {
        constexpr double std_of_cut_normal = 0.87962566103423978;
        const auto std = static_cast<float>(deviation(fans(shape)) / std_of_cut_normal);
        Philox random(key);
        for (float& value : values) {
            float z = random.normal();
            while (std::fabs(z) > 2) z = random.normal();
            value = std * z;
        }
    };
}

using Named = std::pair<std::string, Initializer (*)()>;

const std::vector<Named>& table() {
    static const std::vector<Named> named = {
        {"glorot_uniform", glorot_uniform},
        {"glorot_normal", glorot_normal},
        {"he_uniform", he_uniform},
        {"he_normal", he_normal},
        {"lecun_normal", lecun_normal},
        {"kaiming_uniform", [] { return kaiming_uniform(std::sqrt(5.0)); }},
        {"kaiming_normal_fan_out", kaiming_normal_fan_out},
        {"xavier_uniform", xavier_uniform},
        {"xavier_normal", xavier_normal},
    };
    return named;
}

}  // namespace

Fans fans(const Shape& weight) {
    if (weight.rank() != 2 && weight.rank() != 4) {
        fail("initialisation by fans needs a weight of rank 2 or 4, not {}", weight.str());
    }
    const auto numel = static_cast<double>(weight.numel());
    return {numel / static_cast<double>(weight[0]), numel / static_cast<double>(weight.back())};
}

Initializer constant(float value) {
    return [value](std::span<float> values, const Shape&, const PhiloxKey&) {
        std::fill(values.begin(), values.end(), value);
    };
}

Initializer zeros() { return constant(0); }
Initializer ones() { return constant(1); }

Initializer uniform(double bound) {
    return [limit = static_cast<float>(bound)](std::span<float> values, const Shape&, const PhiloxKey& key) {
        Philox random(key);
        for (float& value : values) value = random.uniform(-limit, limit);
    };
}

Initializer glorot_uniform() {
    return uniform_by_fans([](Fans f) { return std::sqrt(6 / (f.in + f.out)); });
}
Initializer glorot_normal() {
    return truncated_by_fans([](Fans f) { return std::sqrt(2 / (f.in + f.out)); });
}
Initializer he_uniform() {
    return uniform_by_fans([](Fans f) { return std::sqrt(6 / f.in); });
}
Initializer he_normal() {
    return truncated_by_fans([](Fans f) { return std::sqrt(2 / f.in); });
}
Initializer lecun_normal() {
    return truncated_by_fans([](Fans f) { return std::sqrt(1 / f.in); });
}

Initializer kaiming_uniform(double a) {
    return uniform_by_fans([a](Fans f) { return std::sqrt(6 / ((1 + a * a) * f.in)); });
}
Initializer kaiming_normal_fan_out() {
    return normal_by_fans([](Fans f) { return std::sqrt(2 / f.out); });
}
Initializer xavier_uniform() { return glorot_uniform(); }
Initializer xavier_normal() {
    return normal_by_fans([](Fans f) { return std::sqrt(2 / (f.in + f.out)); });
}
Initializer pytorch_bias(const Shape& weight) { return uniform(1 / std::sqrt(fans(weight).in)); }

Initializer by_name(const std::string& name) {
    for (const auto& [known, make] : table()) {
        if (known == name) return make();
    }
    fail_usage("unknown initialiser '{}': {}", name, fmt::join(names(), ", "));
}

const std::vector<std::string>& names() {
    static const std::vector<std::string> list = [] {
        std::vector<std::string> result;
        for (const auto& named : table()) result.push_back(named.first);
        return result;
    }();
    return list;
}

}  // namespace camber::init
