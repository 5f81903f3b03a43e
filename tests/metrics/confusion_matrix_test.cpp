#include <camber/metrics.h>
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "support/devices.h"
#include "support/errors.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// Class 2 is predicted but never true, class 3 neither, class 4 true but never found; 255 and 9 are void.
const std::vector<std::uint8_t> truth = {0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 255, 9, 0, 0, 4, 4};
const std::vector<std::uint8_t> prediction = {0, 0, 0, 0, 1, 1, 0, 0, 4, 2, 0, 1, 0, 1, 0, 0};
const std::vector<std::string> names = {"road", "sky", "sign", "fence", "vélo"};

ConfusionMatrix example() {
    ConfusionMatrix matrix(5);
    matrix.add(truth, prediction);
    return matrix;
}

void check_near(double actual, double expected) { CHECK(actual == doctest::Approx(expected).epsilon(1e-14)); }

}  // namespace

TEST_CASE("metrics are scikit-learn's for the same labels") {
    // precision_recall_fscore_support(zero_division=0), jaccard_score, accuracy_score, balanced_accuracy_score 1.7
    const ConfusionMatrix m = example();
    CHECK(m.total() == 14);
    const std::int64_t expected[5][5] = {{6, 1, 0, 0, 0}, {1, 2, 1, 0, 1}, {}, {}, {2, 0, 0, 0, 0}};
    for (int t = 0; t < 5; ++t) {
        for (int p = 0; p < 5; ++p) CHECK(m.count(t, p) == expected[t][p]);
    }
    check_near(m.precision(0), 0.66666666666666663);
    check_near(m.recall(0), 0.8571428571428571);
    check_near(m.f1(0), 0.75);
    check_near(m.iou(0), 0.6);
    check_near(m.precision(1), 0.66666666666666663);
    check_near(m.recall(1), 0.4);
    check_near(m.f1(1), 0.5);
    check_near(m.iou(1), 0.33333333333333331);
    check_near(m.macro_precision(), 0.33333333333333331);
    check_near(m.macro_recall(), 0.31428571428571428);
    check_near(m.macro_f1(), 0.3125);
    check_near(m.mean_iou(), 0.23333333333333334);
    check_near(m.pixel_accuracy(), 0.5714285714285714);
    check_near(m.mean_accuracy(), 0.41904761904761906);
}

TEST_CASE("what has no meaning is NaN, and a class nowhere to be seen changes no mean") {
    const ConfusionMatrix m = example();
    CHECK(std::isnan(m.iou(3)));
    CHECK(std::isnan(m.f1(3)));
    CHECK(std::isnan(m.precision(3)));
    CHECK(std::isnan(m.recall(2)));
    CHECK(m.iou(2) == 0);
    CHECK(m.precision(2) == 0);
    CHECK(m.recall(4) == 0);
    CHECK_FALSE(m.occurs(3));
    CHECK(m.occurs(2));

    ConfusionMatrix wider(9);
    wider.add(truth, prediction);
    CHECK(wider.total() == 14);
    CHECK(wider.mean_iou() == m.mean_iou());
    CHECK(wider.macro_f1() == m.macro_f1());

    const ConfusionMatrix empty(3);
    CHECK(std::isnan(empty.mean_iou()));
    CHECK(std::isnan(empty.pixel_accuracy()));
    CHECK(std::isnan(empty.mean_accuracy()));
}

TEST_CASE("counts on every device are added") {
    const Tensor t = random_labels({3, 17, 19}, 5, 1, 255), p = random_labels({3, 17, 19}, 5, 2);
    ConfusionMatrix expected(5);
    expected.add(t.to_vector<std::uint8_t>(), p.to_vector<std::uint8_t>());
    CHECK(expected.total() < t.numel());
    for (const Device device : computing_devices()) {
        CAPTURE(std::string(name(device)));
        const std::vector<std::int32_t> counted(expected.counts().begin(), expected.counts().end());
        const Tensor counts = Tensor::from(counted, {5, 5}, device);
        ConfusionMatrix m(5);
        m.add(counts);
        m.add(counts);
        ConfusionMatrix twice = expected;
        twice.add(expected.counts());
        for (int i = 0; i < 5; ++i) {
            for (int j = 0; j < 5; ++j) CHECK(m.count(i, j) == twice.count(i, j));
        }
        ConfusionMatrix restored(5);  // as a resumed run does
        restored.add(m.counts());
        CHECK(restored.counts() == m.counts());
    }
}

TEST_CASE("what does not fit is refused and counts nothing") {
    ConfusionMatrix m(5);
    CHECK(error_of([&] { m.add(truth, std::vector<std::uint8_t>{1}); }).find("16 pixels") != std::string::npos);
    std::vector<std::uint8_t> wrong = prediction;
    wrong.back() = 5;
    CHECK(error_of([&] { m.add(truth, wrong); }) == "confusion matrix: class 5 was predicted, but there are 5 classes");
    CHECK_THROWS_AS(m.add(Tensor::zeros({4, 4}, Dtype::i32, Device::reference)), Error);
    CHECK_THROWS_AS(m.add(Tensor::zeros({5, 5}, Dtype::f32, Device::reference)), Error);
    const Tensor overflowed = Tensor::from(std::vector<std::int32_t>(25, -1), {5, 5}, Device::reference);
    CHECK(error_of([&] { m.add(overflowed); }).find("overflowed") != std::string::npos);
    CHECK(m.total() == 0);
    CHECK_THROWS_AS(ConfusionMatrix(0), UsageError);
    CHECK_THROWS_AS(ConfusionMatrix(256), UsageError);
    CHECK_THROWS_AS(format_table(m, {"a"}), Error);
}

TEST_CASE("the table lines up and has every figure") {
    CHECK(format_table(example(), names) ==
          "       % pixels      IoU  precision   recall       F1\n"
          "road      50.00    60.00      66.67    85.71    75.00\n"
          "sky       35.71    33.33      66.67    40.00    50.00\n"
          "sign       0.00     0.00       0.00        -     0.00\n"
          "fence      0.00        -          -        -        -\n"
          "vélo      14.29     0.00       0.00     0.00     0.00\n"
          "mean               23.33      33.33    31.43    31.25\n"
          "pixel accuracy 57.14 %, mean accuracy 41.90 %\n");
}

TEST_CASE("the JSON has every figure, null where there is none") {
    const ConfusionMatrix m = example();
    const nlohmann::json j = metrics_json(m, names);
    CHECK(j.at("pixels") == 14);
    CHECK(j.at("mean_iou") == m.mean_iou());
    CHECK(j.at("pixel_accuracy") == m.pixel_accuracy());
    CHECK(j.at("mean_accuracy") == m.mean_accuracy());
    CHECK(j.at("precision") == m.macro_precision());
    CHECK(j.at("recall") == m.macro_recall());
    CHECK(j.at("f1") == m.macro_f1());
    CHECK(j.at("classes").size() == 5);
    CHECK(j.at("classes")[1].at("name") == "sky");
    CHECK(j.at("classes")[1].at("pixels") == 5);
    CHECK(j.at("classes")[1].at("iou") == m.iou(1));
    CHECK(j.at("classes")[3].at("iou").is_null());
    CHECK(j.at("confusion")[1] == nlohmann::json{1, 2, 1, 0, 1});
}
