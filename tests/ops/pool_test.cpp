#include <doctest/doctest.h>

#include <camber/ops.h>

#include "support/autograd.h"
#include "support/compare.h"
#include "support/devices.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("max pooling gives the gradient to the first of equal maxima, row by row") {
    for (const Device device : computing_devices()) {
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            CAPTURE(run_name(dtype, device));
            const auto image = [&](const std::vector<double>& values, const Shape& shape) {
                return converted(Tensor::from(values, shape, Device::reference), dtype, device);
            };
            const Tensor x = image({7, 7, 1, 3, 7, 7, 3, 2}, {1, 2, 4, 1}).set_requires_grad(true);
            const Tensor y = ops::max_pool2d(x);
            CHECK(values_of(y) == std::vector<double>{7, 3});
            backward_from(y, image({5, 6}, {1, 1, 2, 1}));
            CHECK(values_of(x.grad()) == std::vector<double>{5, 0, 0, 6, 0, 0, 0, 0});
        }
    }
}

TEST_CASE("max pooling adds up the gradients of overlapping windows") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Tensor x =
            Tensor::from(std::vector<float>{0, 1, 0, 9, 0, 1, 0}, {1, 1, 7, 1}, device).set_requires_grad(true);
        backward(ops::sum(ops::max_pool2d(x, {1, 3, 1, 1, {}})));
        CHECK(values_of(x.grad()) == std::vector<double>{0, 1, 0, 3, 0, 1, 0});
    }
}

TEST_CASE("padding is never the maximum and weighs in an average only when counted") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Tensor x = Tensor::from(std::vector<float>{-4, -8}, {1, 1, 2, 1}, device);
        Pool2dParams p{3, 3, 2, 2, {1, 1, 1, 1}};
        CHECK(values_of(ops::max_pool2d(x, p)) == std::vector<double>{-4});
        CHECK(ops::avg_pool2d(x, p).item() == doctest::Approx(-6));
        p.count_include_pad = true;
        CHECK(ops::avg_pool2d(x, p).item() == doctest::Approx(-12 / 9.0));
    }
}
