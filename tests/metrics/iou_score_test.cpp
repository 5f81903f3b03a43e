#include <camber/autograd.h>
#include <camber/metrics.h>
#include <camber/ops.h>
#include <doctest/doctest.h>

#include "support/devices.h"
#include "support/errors.h"
#include "support/golden.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("the soft IoU is segmentation_models'") {
    const GoldenFile file("torch_losses");
    const NoGrad no_grad;
    int cases = 0;
    for (const auto& golden : file.cases()) {
        if (golden.at("op") != "iou_score" || golden.contains("threshold")) continue;
        ++cases;
        CAPTURE(golden.at("name").get<std::string>());
        const double expected = values_of(file.read(golden, "loss"))[0];
        for (const Device device : computing_devices()) {
            CAPTURE(std::string(name(device)));
            const Tensor logits = file.read(golden, "logits", Dtype::f32, device);
            const Tensor labels = file.read(golden, "labels", device);
            const SegmentationLossParams p{
                .dice = 1, .ignore_index = golden.at("ignore_index"), .per_image = golden.at("per_image")};
            const Tensor stats = ops::segmentation_loss(logits, labels, p).stats;
            CHECK(iou_score(stats, static_cast<int>(logits.dim(3)), golden.at("smooth")) ==
                  doctest::Approx(expected).epsilon(1e-6));
        }
    }
    CHECK(cases == 3);
}

TEST_CASE("the soft IoU by hand") {
    // Two classes: I, P, T = 1, 2, 3 and 0, 0, 0. The second scores 1: it is nowhere, and nowhere predicted.
    const std::vector<double> stats = {1, 2, 3, 0, 0, 0, 9, 9};
    CHECK(iou_score(stats, 2) == doctest::Approx(((1 + 1e-5) / (4 + 1e-5) + 1) / 2).epsilon(1e-14));
    CHECK(iou_score(stats, 2, 1) == doctest::Approx((2.0 / 5 + 1) / 2).epsilon(1e-14));
    const Tensor tensor = Tensor::from(stats, {8}, Device::reference);
    CHECK(iou_score(tensor, 2) == iou_score(stats, 2));
    CHECK(iou_score(tensor, 1, 1) == doctest::Approx((2.0 / 5 + 1) / 2).epsilon(1e-14));  // two images of one class
    CHECK_THROWS_AS(iou_score(tensor, 4), Error);
    CHECK_THROWS_AS(iou_score(tensor, 0), Error);
    CHECK_THROWS_AS(iou_score(stats, 4), Error);
}
