#include <doctest/doctest.h>

#include <camber/ops.h>

#include <cmath>
#include <limits>

#include "support/autograd.h"
#include "support/compare.h"
#include "support/devices.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("relu's gradient at 0 is 0") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Tensor x = leaf(Tensor::from(std::vector<float>{-1, -0.0f, 0, 2}, {4}, device));
        const Tensor y = ops::relu(x);
        CHECK(y.to_vector<float>() == std::vector<float>{0, 0, 0, 2});
        backward(ops::sum(y));
        CHECK(x.grad().to_vector<float>() == std::vector<float>{0, 0, 0, 1});
    }
}

TEST_CASE("NaN passes through relu and max pooling, so that a broken step shows in its loss") {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Tensor x = Tensor::from(std::vector<float>{1, nan, 3, 4}, {1, 2, 2, 1}, device);
        CHECK(std::isnan(ops::relu(x).to_vector<float>()[1]));
        CHECK(std::isnan(ops::max_pool2d(x).item()));
    }
}

TEST_CASE("softmax of any logits sums to 1") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const std::vector<float> logits = {1e4f, 1e4f, -1e4f, 0, -80, -3e38f, 5, 5, 5};
        const std::vector<float> y = ops::softmax(Tensor::from(logits, {3, 3}, device)).to_vector<float>();
        const std::vector<float> expected = {0.5f, 0.5f, 0, 1, 0, 0, 1 / 3.0f, 1 / 3.0f, 1 / 3.0f};
        for (std::size_t i = 0; i < y.size(); ++i) {
            CAPTURE(i);
            CHECK(std::abs(y[i] - expected[i]) <= 1e-6);
        }
    }
}

TEST_CASE("cast rounds to nearest even and casts the gradient back") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::bf16, device));
        // 1 + 2^-8 and 1 + 3 * 2^-8 lie halfway between bf16 numbers.
        const Tensor x = leaf(Tensor::from(std::vector<float>{1.00390625f, 1.01171875f, -3, 1e30f, 0.1f}, {5}, device));
        const Tensor y = ops::cast(x, Dtype::bf16);
        CHECK(y.dtype() == Dtype::bf16);
        const std::vector<double> expected = {1, 1.015625, -3, static_cast<double>(float(bf16(1e30f))), 0.10009765625};
        CHECK(values_of(y) == expected);
        backward_from(y, converted(Tensor::from(std::vector<double>{1, 2, 3, 4, 5}, {5}, Device::reference),
                                   Dtype::bf16, device));
        CHECK(x.grad().dtype() == Dtype::f32);
        CHECK(values_of(x.grad()) == std::vector<double>{1, 2, 3, 4, 5});
        CHECK(values_of(ops::cast(y, Dtype::f32)) == expected);
    }
    const Tensor same = Tensor::zeros({3}, Dtype::f32, Device::reference);
    CHECK(ops::cast(same, Dtype::f32).raw() == same.raw());
}

TEST_CASE("elementwise primitives work in place, as the contract allows") {
    for (const Device device : computing_devices()) {
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            CAPTURE(run_name(dtype, device));
            Backend& primitives = backend(device);
            const Shape shape{2, 3, 7, 17};
            const auto input = [&](std::uint64_t seed) { return converted(uniform(shape, seed), dtype, device); };
            const auto check = [&](const std::string& name, auto primitive) {
                CAPTURE(name);
                const Tensor separate = Tensor::empty(shape, dtype, device), in_place = input(1);
                primitive(input(1), separate);
                primitive(in_place, in_place);
                CHECK(values_of(in_place) == values_of(separate));
            };
            const Tensor other = input(2);
            const PhiloxKey key{.seed = 5, .stream = Stream::dropout, .sequence = 1};
            check("relu", [&](const Tensor& x, const Tensor& y) { primitives.relu(x, y); });
            check("relu_backward", [&](const Tensor& x, const Tensor& y) { primitives.relu_backward(other, x, y); });
            check("add to the first", [&](const Tensor& x, const Tensor& y) { primitives.add(x, other, y); });
            check("add to the second", [&](const Tensor& x, const Tensor& y) { primitives.add(other, x, y); });
            check("scale", [&](const Tensor& x, const Tensor& y) { primitives.scale(x, 0.3, y); });
            check("dropout", [&](const Tensor& x, const Tensor& y) { primitives.dropout(x, y, 0.3, key, {}); });
        }
    }
}

TEST_CASE("fill sets every element of every dtype") {
    for (const Device device : computing_devices()) {
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16, Dtype::i32, Dtype::u8}) {
            CAPTURE(run_name(dtype, device));
            const Tensor x = Tensor::zeros({3, 7}, dtype, device);
            backend(device).fill(x, 3);
            CHECK(values_of(x) == std::vector<double>(21, 3.0));
        }
    }
}
