#include <doctest/doctest.h>

#include <camber/ops.h>

#include "support/compare.h"
#include "support/devices.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("sum and mean of bf16 are f32 and keep its digits") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::bf16, device));
        const Tensor x = Tensor::from(std::vector<bf16>(1001, bf16(1.0f)), {7, 143}, device);
        CHECK(ops::sum(x).dtype() == Dtype::f32);
        CHECK(ops::sum(x).item() == 1001);  // not a bf16 number
        CHECK(ops::mean(x).item() == doctest::Approx(1));
    }
}

TEST_CASE("sums are the same every time") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Tensor x = converted(uniform({3, 64, 65, 17}, 1), Dtype::f32, device);
        const double first = ops::sum(x).item();
        for (int i = 0; i < 5; ++i) CHECK(ops::sum(x).item() == first);
    }
}

TEST_CASE("argmax is the first of equals") {
    for (const Device device : computing_devices()) {
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            CAPTURE(run_name(dtype, device));
            const std::vector<double> scores = {0, 3, 3, -5, -1, -1, 2, 2, 2, 1, 0, 4};
            const Tensor x = converted(Tensor::from(scores, {1, 2, 2, 3}, Device::reference), dtype, device);
            const Tensor labels = ops::argmax(x);
            CHECK(labels.shape() == Shape{1, 2, 2});
            CHECK(labels.to_vector<std::uint8_t>() == std::vector<std::uint8_t>{1, 1, 0, 2});
        }
    }
}

TEST_CASE("copy_channels leaves the other channels alone") {
    for (const Device device : computing_devices()) {
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            CAPTURE(run_name(dtype, device));
            const auto make = [&](const std::vector<double>& values, const Shape& shape) {
                return converted(Tensor::from(values, shape, Device::reference), dtype, device);
            };
            const Tensor x = make({1, 2, 3, 4, 5, 6}, {1, 1, 2, 3});
            const Tensor y = make({9, 9, 9, 9, 8, 8, 8, 8}, {1, 1, 2, 4});
            backend(device).copy_channels(x, 1, y, 2, 2, {});
            CHECK(values_of(y) == std::vector<double>{9, 9, 2, 3, 8, 8, 5, 6});
        }
    }
}
