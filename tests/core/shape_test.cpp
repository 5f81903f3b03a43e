#include <camber/shape.h>
#include <camber/tensor.h>
#include <doctest/doctest.h>

#include <limits>

#include "support/errors.h"

using namespace camber;
using testing::error_of;

TEST_CASE("a shape has up to four extents") {
    const Shape shape{2, 3, 4, 5};
    CHECK(shape.rank() == 4);
    CHECK(shape[1] == 3);
    CHECK(shape.back() == 5);
    CHECK(shape.numel() == 120);
    CHECK(shape.str() == "[2, 3, 4, 5]");
    CHECK(shape == Shape{2, 3, 4, 5});
    CHECK(shape != Shape{2, 3, 20});
    CHECK(Shape{1, 3} != Shape{3});

    const Shape scalar;
    CHECK(scalar.rank() == 0);
    CHECK(scalar.numel() == 1);
    CHECK(scalar.str() == "[]");
    CHECK(Shape{4, 0, 2}.numel() == 0);
}

TEST_CASE("a shape that cannot be is refused") {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    CHECK(error_of([] { Shape{1, 1, 1, 1, 1}; }) == "a shape has at most 4 dimensions, not 5");
    CHECK(error_of([] { Shape{2, -1}; }) == "a shape cannot have the negative extent -1");
    CHECK(Shape{most}.numel() == most);
    CHECK(Shape{most / 2, 2}.numel() == most - 1);
    CHECK(error_of([] { Shape{most / 2 + 1, 2}; }) == "a tensor of more than 2^63 elements was asked for");
    CHECK(error_of([] { Shape{1 << 20, 1 << 20, 1 << 20, 1 << 20}; }).find("2^63") != std::string::npos);
}

TEST_CASE("a view has the elements of the whole, a slice those that follow each other") {
    const Tensor whole = Tensor::from(std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {3, 4}, Device::cpu);
    const Tensor view = whole.view({2, 6}), slice = whole.slice(4, {2, 2});
    CHECK(view.raw() == whole.raw());
    CHECK(slice.to_vector<float>() == std::vector<float>{4, 5, 6, 7});
    CHECK(error_of([&] { whole.view({5, 2}); }) == "a tensor of shape [3, 4] cannot be viewed as [5, 2]");
    CHECK(error_of([&] { whole.slice(10, {3}); }) == "elements 10 to 13 are outside a tensor of shape [3, 4]");
    CHECK(error_of([&] { whole.slice(-1, {3}); }).find("elements -1 to 2 are outside") == 0);
}
