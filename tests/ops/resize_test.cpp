#include <doctest/doctest.h>

#include <camber/ops.h>

#include "support/compare.h"
#include "support/devices.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// A row of one-channel pixels resized to `width`.
std::vector<double> resized_row(const std::vector<float>& row, std::int64_t width, ResizeMode mode, Device device) {
    const Tensor x = Tensor::from(row, {1, 1, static_cast<std::int64_t>(row.size()), 1}, device);
    return values_of(ops::resize(x, 1, width, mode));
}

}  // namespace

TEST_CASE("the four conventions of resizing place pixels where they say") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        using Row = std::vector<double>;
        CHECK(resized_row({0, 4, 8}, 5, ResizeMode::nearest, device) == Row{0, 0, 4, 4, 8});
        CHECK(resized_row({0, 4, 8}, 5, ResizeMode::nearest_half_pixel, device) == Row{0, 0, 4, 8, 8});
        CHECK(resized_row({0, 4, 8}, 6, ResizeMode::bilinear, device) == Row{0, 1, 3, 5, 7, 8});
        CHECK(resized_row({0, 4, 8}, 5, ResizeMode::bilinear_align_corners, device) == Row{0, 2, 4, 6, 8});
        CHECK(resized_row({0, 4, 8}, 1, ResizeMode::bilinear_align_corners, device) == Row{0});
        CHECK(resized_row({0, 4, 8}, 1, ResizeMode::bilinear, device) == Row{4});
    }
}
