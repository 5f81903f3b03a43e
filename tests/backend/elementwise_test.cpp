#include "backend/elementwise_cases.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "backend/reduce_cases.h"
#include "support/compare.h"
#include "support/devices.h"

using namespace camber;
using namespace camber::testing;

namespace {
const std::vector<Shape> shapes = {{1},           {1, 1, 1, 1},  {3},      {17},           {2, 5, 7, 3},
                                   {1, 5, 7, 17}, {4, 4, 4, 16}, {100003}, {2, 33, 31, 64}};
}

TEST_CASE("elementwise primitives") {
    for (const Shape& shape : shapes) {
        const Input a = activation(shape, 1), b = activation(shape, 2);
        check(elementwise(shape));
        check(sum(shape));
        if (shape.rank() > 1) check(channel_sums(shape));
        for (const Kind kind : {Kind::parameter, Kind::i32, Kind::u8})
            check({.primitive = "fill",
                   .what = shape.str(),
                   .outputs = {{"y", shape, kind}},
                   .run = [](Backend& d, auto&, auto& out) { d.fill(out[0], 3); }});
        const auto check_in_place = [&](const char* primitive, const std::vector<Input>& inputs, std::size_t over,
                                        const PrimitiveCase::Run& run) {
            check({.primitive = primitive,
                   .what = shape.str() + " in place",
                   .inputs = inputs,
                   .outputs = {{"y", shape}},
                   .prepare = [=](Backend&, auto& in, auto& out) { out[0].copy_from(in[over]); },
                   .run = run});
        };
        check_in_place("relu", {a}, 0, [](Backend& d, auto&, auto& out) { d.relu(out[0], out[0]); });
        check_in_place("relu_backward", {a, b}, 1,
                       [](Backend& d, auto& in, auto& out) { d.relu_backward(in[0], out[0], out[0]); });
        check_in_place("add", {a, b}, 0, [](Backend& d, auto& in, auto& out) { d.add(out[0], in[1], out[0]); });
    }
}

TEST_CASE("elementwise primitives on tensors larger than the caches") {
    const Shape shape{3, 1024, 1024, 1};
    check(elementwise(shape)[2]);
    check(sum(shape));
}

TEST_CASE("NaN and infinity pass through relu, addition and casts") {
    const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
    const Tensor special = Tensor::from(std::vector<double>{nan, inf, -inf, -0.0, 1}, {5}, Device::reference);
    for (const Device device : computing_devices())
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            INFO(run_name(dtype, device));
            const Tensor x = converted(special, dtype, device), y = Tensor::empty({5}, dtype, device);
            const Tensor other = Tensor::empty({5}, dtype == Dtype::f32 ? Dtype::bf16 : Dtype::f32, device);
            backend(device).relu(x, y);
            const auto rectified = values_of(y);
            CHECK(std::isnan(rectified[0]));
            CHECK(rectified[1] == inf);
            CHECK(rectified[2] == 0);
            backend(device).cast(x, other);
            const auto cast = values_of(other);
            CHECK(std::isnan(cast[0]));
            CHECK(cast[1] == inf);
            CHECK(cast[2] == -inf);
        }
}

TEST_CASE("casts to bf16 round to nearest, ties to even, like the type itself") {
    Philox random({7, Stream::init, 0});
    std::vector<float> values;
    for (int i = 0; i < 5000; ++i) {
        const std::uint32_t bits = i % 3 == 0 ? (random.next() & 0xffff0000u) | 0x8000u : random.next();
        const float value = std::bit_cast<float>(bits);
        // Devices may flush subnormal numbers.
        if (std::isfinite(value) && std::abs(value) >= std::numeric_limits<float>::min()) values.push_back(value);
    }
    const Shape shape{static_cast<std::int64_t>(values.size())};
    for (const Device device : computing_devices()) {
        const Tensor y = Tensor::empty(shape, Dtype::bf16, device);
        backend(device).cast(Tensor::from(values, shape, device), y);
        const auto rounded = y.to_vector<bf16>();
        int wrong = 0;
        for (std::size_t i = 0; i < values.size(); ++i) wrong += rounded[i].bits != bf16(values[i]).bits;
        CHECK_MESSAGE(wrong == 0, name(device));
    }
}

TEST_CASE("a dtype that a device does not compute in is a clear error") {
    if (!has_backend(Device::cpu)) return;
    const Tensor x = Tensor::zeros({4}, Dtype::f64, Device::cpu);
    CHECK_THROWS_WITH_AS(backend(Device::cpu).relu(x, x), doctest::Contains("f64 is for the reference device"), Error);
}
