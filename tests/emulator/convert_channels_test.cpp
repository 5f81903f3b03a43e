#include "cuda/kernels/convert_channels.h"

#include <doctest/doctest.h>

#include <cmath>

#include "support/random.h"

using namespace camber;

namespace {

struct Case {
    Shape from, to;
    Dtype from_dtype, to_dtype;
    bool bias = false;
    std::int64_t offset = 0;  ///< elements before either tensor in its storage
};

Tensor on_emulated(const std::vector<float>& values, const Shape& shape, Dtype dtype, std::int64_t offset) {
    const std::int64_t count = shape.numel();
    const Tensor whole = Tensor::empty({count + offset}, dtype, Device::emulated);
    const Tensor part = whole.slice(offset, shape);
    if (dtype == Dtype::f32) {
        part.copy_from(Tensor::from(values, shape, Device::cpu));
    } else {
        std::vector<bf16> rounded(values.begin(), values.end());
        part.copy_from(Tensor::from(rounded, shape, Device::cpu));
    }
    return part;
}

std::vector<float> values_of(const Tensor& t) {
    if (t.dtype() == Dtype::f32) return t.to_vector<float>();
    const std::vector<bf16> values = t.to_vector<bf16>();
    return {values.begin(), values.end()};
}

float rounded_to(Dtype dtype, float value) { return dtype == Dtype::f32 ? value : static_cast<float>(bf16(value)); }

void check(const Case& c) {
    CAPTURE(c.from.str());
    CAPTURE(c.to.str());
    std::vector<float> values(static_cast<std::size_t>(c.from.numel()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(1.3f * static_cast<float>(i % 1009)) * 3;
    std::vector<float> bias(static_cast<std::size_t>(std::min(c.from.back(), c.to.back())));
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = 0.5f + static_cast<float>(i);
    const Tensor from = on_emulated(values, c.from, c.from_dtype, c.offset);
    const Tensor to =
        on_emulated(std::vector<float>(static_cast<std::size_t>(c.to.numel()), 77), c.to, c.to_dtype, c.offset);
    const Tensor given =
        c.bias ? Tensor::from(bias, {static_cast<std::int64_t>(bias.size())}, Device::emulated) : Tensor();
    camber::emulated::convert_channels(from, to, given);

    const std::vector<float> made = values_of(to), exact = values_of(from);
    const std::int64_t from_rows = c.from.numel() / c.from.back(), to_rows = c.to.numel() / c.to.back();
    int wrong = 0;
    for (std::int64_t r = 0; r < to_rows; ++r) {
        for (std::int64_t k = 0; k < c.to.back(); ++k) {
            float expected = 0;
            if (r < from_rows && k < c.from.back())
                expected = rounded_to(c.to_dtype, exact[static_cast<std::size_t>(r * c.from.back() + k)] +
                                                      (c.bias ? bias[static_cast<std::size_t>(k)] : 0));
            wrong += made[static_cast<std::size_t>(r * c.to.back() + k)] != expected;
        }
    }
    CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("convert_channels: dtypes, whole chunks and not, rows and channels added and taken away, biases") {
    for (const Dtype from : {Dtype::f32, Dtype::bf16}) {
        for (const Dtype to : {Dtype::f32, Dtype::bf16}) {
            check({{4, 3, 3, 16}, {4, 3, 3, 16}, from, to});
            check({{2, 5, 7, 3}, {2, 5, 7, 8}, from, to});
            check({{2, 5, 7, 8}, {2, 5, 7, 3}, from, to});
            check({{12, 1, 1, 3}, {16, 1, 1, 8}, from, to});
            check({{16, 3, 3, 24}, {12, 3, 3, 17}, from, to});
            check({{1, 1, 1, 1}, {1, 1, 1, 1}, from, to, true});
            check({{3, 5, 7, 16}, {3, 5, 7, 16}, from, to, true});
            check({{3, 5, 7, 16}, {3, 5, 7, 12}, from, to, true});
            check({{3, 5, 7, 17}, {3, 5, 7, 17}, from, to, true, 1});
            check({{3, 5, 7, 16}, {3, 5, 7, 16}, from, to, true, 1});
        }
    }
    check({{1, 64, 65, 64}, {1, 64, 65, 64}, Dtype::f32, Dtype::bf16});
}

TEST_CASE("convert_channels: a bias is added in place") {
    for (const std::int64_t channels : {16, 17}) {
        const Shape shape{2, 3, 5, channels};
        const Tensor x =
            on_emulated(std::vector<float>(static_cast<std::size_t>(shape.numel()), 2), shape, Dtype::bf16, 0);
        const std::vector<float> bias(static_cast<std::size_t>(channels), 0.25f);
        camber::emulated::convert_channels(x, x, Tensor::from(bias, {channels}, Device::emulated));
        for (const float value : values_of(x)) REQUIRE(value == 2.25f);
    }
}
