#include "backend/pool_cases.h"

#include <doctest/doctest.h>

#include "support/compare.h"
#include "support/devices.h"

using namespace camber;
using namespace camber::testing;

namespace {

void check_pool(const Shape& image, const Pool2dParams& p) {
    check(max_pooling(image, p));
    check(average_pooling(image, p));
    // Whole accesses or not.
    for (const std::int64_t others : {0, 3, 16}) check(max_pooling_and_addend(image, p, others));
}

}  // namespace

TEST_CASE("pooling") {
    for (const std::int64_t c : {1, 3, 17, 64}) {
        check_pool({1, 2, 2, c}, {});
        check_pool({2, 6, 4, c}, {});
        check_pool({1, 5, 7, c}, {});  // the last row and column are in no window
        check_pool({2, 6, 7, c}, {.kernel_h = 3, .kernel_w = 3, .padding = {1, 1, 1, 1}});
        check_pool({1, 5, 7, c}, {.kernel_h = 3,
                                  .kernel_w = 2,
                                  .stride_h = 1,
                                  .stride_w = 1,
                                  .padding = {1, 0, 1, 1},
                                  .count_include_pad = true});
        check_pool({1, 7, 8, c}, {.kernel_h = 2, .kernel_w = 1, .stride_h = 3, .stride_w = 2, .padding = {1, 0, 0, 0}});
        check_pool({2, 5, 7, c},
                   {.kernel_h = 5, .kernel_w = 7, .stride_h = 5, .stride_w = 7, .padding = {}});  // global
    }
    check_pool({2, 32, 24, 64}, {});
    check_pool({1, 32, 33, 64}, {.kernel_h = 3, .kernel_w = 3, .padding = {0, 1, 0, 1}});
    check_pool({1, 128, 96, 8}, {.kernel_h = 128, .kernel_w = 96, .stride_h = 128, .stride_w = 96, .padding = {}});
}

TEST_CASE("max pooling does not lose NaN") {
    const Tensor image = Tensor::from(std::vector<double>{1, 2, std::nan(""), 3}, {1, 2, 2, 1}, Device::reference);
    for (const Device device : computing_devices()) {
        const Tensor x = converted(image, Dtype::f32, device), y = Tensor::empty({1, 1, 1, 1}, Dtype::f32, device);
        backend(device).max_pool2d(x, y, {});
        CHECK_MESSAGE(std::isnan(y.item()), name(device));
    }
}

TEST_CASE("the gradient of a maximum that is NaN goes to the first NaN") {
    const Shape image{2, 9, 8, 8};
    const Tensor values = uniform(image, 1);
    for (std::int64_t i = 0; i < values.numel(); i += 5) values.data<double>()[i] = std::nan("");
    for (const Pool2dParams& p :
         {Pool2dParams{}, Pool2dParams{.kernel_h = 3, .kernel_w = 3, .padding = {1, 1, 1, 1}}}) {
        const Shape pooled{2, p.kernel_h == 2 ? 4 : 5, 4, 8};
        const auto gradient = [&](Device device) {
            const Tensor x = converted(values, Dtype::f32, device), dx = Tensor::empty(image, Dtype::f32, device);
            const Tensor y = Tensor::empty(pooled, Dtype::f32, device);
            backend(device).max_pool2d(x, y, p);
            backend(device).max_pool2d_backward(x, y, converted(uniform(pooled, 2), Dtype::f32, device), {}, dx, p);
            return values_of(dx);
        };
        for (const Device device : computing_devices())
            CHECK_MESSAGE(gradient(device) == gradient(Device::reference), name(device));
    }
}
