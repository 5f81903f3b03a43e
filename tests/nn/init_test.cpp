// Initial values against the bounds and deviations that Keras and PyTorch measured of theirs:
// fixtures/initializers.json.
#include <camber/error.h>
#include <camber/init.h>
#include <camber/layers.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

using namespace camber;

namespace {

std::vector<float> draw(const init::Initializer& initializer, const Shape& shape, std::uint64_t sequence = 0) {
    std::vector<float> values(static_cast<std::size_t>(shape.numel()));
    initializer(values, shape, {7, Stream::init, sequence});
    return values;
}

struct Statistics {
    double mean = 0, std = 0, min = 0, max = 0, kurtosis = 0;
    std::size_t count = 0;
};

/// Of enough draws for the bounds below, whatever the shape.
Statistics measure(const init::Initializer& initializer, const Shape& shape) {
    std::vector<float> values;
    for (std::uint64_t sequence = 0; values.size() < 300000; ++sequence) {
        const auto more = draw(initializer, shape, sequence);
        values.insert(values.end(), more.begin(), more.end());
    }
    Statistics s;
    s.count = values.size();
    const auto n = static_cast<double>(s.count);
    for (const float v : values) s.mean += v / n;
    double second = 0, fourth = 0;
    for (const float v : values) {
        const double d = v - s.mean;
        second += d * d / n;
        fourth += d * d * d * d / n;
    }
    s.std = std::sqrt(second);
    s.kurtosis = second > 0 ? fourth / (second * second) : 0;
    s.min = *std::min_element(values.begin(), values.end());
    s.max = *std::max_element(values.begin(), values.end());
    return s;
}

Shape shape_of(const nlohmann::json& extents) {
    const auto e = extents.get<std::vector<std::int64_t>>();
    return e.size() == 4 ? Shape{e[0], e[1], e[2], e[3]} : e.size() == 2 ? Shape{e[0], e[1]} : Shape{e[0]};
}

nlohmann::json fixture() {
    std::ifstream stream(CAMBER_TEST_FIXTURES "/initializers.json");
    REQUIRE(stream);
    return nlohmann::json::parse(stream);
}

}  // namespace

TEST_CASE("initial values have the distribution of Keras's and PyTorch's") {
    const Shape conv{64, 3, 3, 32}, transposed{32, 3, 3, 64};
    const auto kaiming = init::kaiming_uniform(std::sqrt(5.0));
    // Defaults are those of nn's layers (Keras) and of the unet's pytorch style.
    const std::map<std::string, init::Initializer> ours = {
        {"keras/conv2d default bias", nn::Conv2dOptions{}.bias_init},
        {"keras/conv2d default weight", nn::Conv2dOptions{}.weight_init},
        {"keras/conv_transpose2d default weight", nn::ConvTranspose2dOptions{}.weight_init},
        {"keras/glorot_normal", init::glorot_normal()},
        {"keras/glorot_uniform", init::glorot_uniform()},
        {"keras/he_normal", init::he_normal()},
        {"keras/he_normal transposed", init::he_normal()},
        {"keras/he_uniform", init::he_uniform()},
        {"keras/lecun_normal", init::lecun_normal()},
        {"torch/conv2d default bias", init::pytorch_bias(conv)},
        {"torch/conv2d default weight", kaiming},
        {"torch/conv_transpose2d default bias", init::pytorch_bias(transposed)},
        {"torch/conv_transpose2d default weight", kaiming},
        {"torch/kaiming_normal relu fan_out", init::kaiming_normal_fan_out()},
        {"torch/kaiming_uniform a=sqrt(5)", kaiming},
        {"torch/linear default weight", kaiming},
        {"torch/xavier_normal", init::xavier_normal()},
        {"torch/xavier_uniform", init::xavier_uniform()},
    };
    const nlohmann::json golden = fixture();
    std::size_t checked = 0;
    for (const auto& [library, entries] : golden.items()) {
        for (const auto& [name, expected] : entries.items()) {
            const auto found = ours.find(library + "/" + name);
            if (found == ours.end()) continue;
            CAPTURE(found->first);
            ++checked;
            const Shape shape = shape_of(expected.at("shape"));
            const Statistics s = measure(found->second, shape);
            const double std = expected.at("std");
            // Five standard errors, of the mean and of the deviation (at most std / sqrt(n) for these distributions).
            const double error = 5 * std / std::sqrt(static_cast<double>(s.count));
            CHECK(std::abs(s.mean) <= error);
            CHECK(std::abs(s.std - std) <= error);
            const std::string distribution = expected.at("distribution");
            if (distribution == "normal") {
                CHECK(s.kurtosis == doctest::Approx(3).epsilon(0.03));
                continue;
            }
            const double limit = expected.at("limit");
            CHECK(s.max <= limit * (1 + 1e-6));
            CHECK(s.min >= -limit * (1 + 1e-6));
            CHECK(s.max >= limit * 0.99);
            CHECK(s.min <= -limit * 0.99);
            if (distribution == "uniform") CHECK(s.kurtosis == doctest::Approx(1.8).epsilon(0.02));
            // A normal cut at two deviations: its fourth moment over its squared second.
            if (distribution == "truncated_normal") CHECK(s.kurtosis == doctest::Approx(2.37).epsilon(0.02));
            if (shape.rank() > 1) CHECK(init::fans(shape).in == expected.at("fan_in").get<double>());
            if (shape.rank() > 1) CHECK(init::fans(shape).out == expected.at("fan_out").get<double>());
        }
    }
    CHECK(checked == ours.size());
}

TEST_CASE("draws depend on seed and sequence alone") {
    const Shape shape{4, 3, 3, 4};
    CHECK(draw(init::he_normal(), shape, 3) == draw(init::he_normal(), shape, 3));
    CHECK(draw(init::he_normal(), shape, 3) != draw(init::he_normal(), shape, 4));
}

TEST_CASE("initialisers by name") {
    CHECK_NOTHROW(init::by_name("he_normal"));
    CHECK_THROWS_WITH_AS(init::by_name("he"),
                         "unknown initialiser 'he': glorot_uniform, glorot_normal, he_uniform, he_normal, "
                         "lecun_normal, kaiming_uniform, kaiming_normal_fan_out, xavier_uniform, xavier_normal",
                         UsageError);
    CHECK_THROWS_WITH_AS(init::fans({3}), "initialisation by fans needs a weight of rank 2 or 4, not [3]", Error);
}
