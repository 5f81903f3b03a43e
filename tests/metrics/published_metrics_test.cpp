// The figures that the published systems report on CamVid's 32 classes, of which Void is one.
#include <camber/autograd.h>
#include <camber/class_table.h>
#include <camber/metrics.h>
#include <camber/ops.h>
#include <doctest/doctest.h>

#include <cstring>

#include "backend/label_map.h"
#include "support/devices.h"
#include "support/golden.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("segmentation_models' iou_score has Void as a class, fastai's acc_camvid leaves it out") {
    const GoldenFile file("published_metrics");
    const NoGrad no_grad;
    const nlohmann::json& golden = file.cases().at(0);
    const int void_id = golden.at("void"), classes = camvid32().count();
    CHECK(void_id == camvid32().void_id);
    for (const Device device : computing_devices()) {
        CAPTURE(std::string(name(device)));
        const Tensor logits = file.read(golden, "logits", Dtype::f32, device);
        const Tensor labels = file.read(golden, "labels", device);
        REQUIRE(logits.dim(3) == classes);
        const Tensor stats = ops::segmentation_loss(logits, labels, {.dice = 1, .ignore_index = -1}).stats;
        CHECK(iou_score(stats, classes) == doctest::Approx(golden.at("iou_score").get<double>()).epsilon(1e-6));

        const auto height = static_cast<std::int32_t>(labels.dim(1)), width = static_cast<std::int32_t>(labels.dim(2));
        std::vector<std::uint8_t> maps(2 * sizeof(LabelMap));
        for (int i = 0; i < 2; ++i) {
            const LabelMap map = {height, width, std::int64_t{i} * height * width};
            std::memcpy(maps.data() + static_cast<std::size_t>(i) * sizeof map, &map, sizeof map);
        }
        const Tensor counts = Tensor::zeros({2, classes, classes}, Dtype::i32, device);
        backend(device).count_predictions(logits, labels.view({labels.numel()}),
                                          Tensor::from(maps, {static_cast<std::int64_t>(maps.size())}, device), counts,
                                          void_id);
        ConfusionMatrix confusion(classes, void_id);
        for (int i = 0; i < 2; ++i) confusion.add(counts.slice(i * classes * classes, {classes, classes}));
        CHECK(confusion.pixel_accuracy() == doctest::Approx(golden.at("acc_camvid").get<double>()).epsilon(1e-6));
        CHECK(confusion.truth_pixels(void_id) == 0);
        CHECK(confusion.predicted_pixels(void_id) > 0);  // which is wrong, but no class of the mean
        CHECK_FALSE(confusion.occurs(void_id));
    }
}
