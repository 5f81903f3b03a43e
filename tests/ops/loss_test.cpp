#include <doctest/doctest.h>

#include <camber/ops.h>

#include <cmath>

#include "support/autograd.h"
#include "support/compare.h"
#include "support/devices.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

namespace {

constexpr int void_label = 255;

struct Result {
    double loss;
    Tensor gradient;  ///< of the logits
    Tensor stats;
};

Result evaluate(const Tensor& logits, const Tensor& labels, const SegmentationLossParams& p, double scale = 1) {
    const Tensor x = leaf(logits.detach());
    const auto result = ops::segmentation_loss(x, labels, p);
    backward(result.loss, scale);
    return {result.loss.item(), x.grad(), result.stats};
}

const SegmentationLossParams all_terms = {
    .cross_entropy = 0.5, .dice = 2, .jaccard = 0.7, .focal = 1.5, .ignore_index = void_label, .label_smoothing = 0.1};

}  // namespace

TEST_CASE("a weighted sum of losses is the sum of the weighted losses, gradients too") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Tensor logits = converted(uniform({2, 5, 7, 11}, 1, -2, 2), Dtype::f32, device);
        const Tensor labels = random_labels({2, 5, 7}, 11, 2, void_label, device);
        double loss = 0;
        std::vector<double> gradient(static_cast<std::size_t>(logits.numel()));
        for (double SegmentationLossParams::*term :
             {&SegmentationLossParams::cross_entropy, &SegmentationLossParams::dice, &SegmentationLossParams::jaccard,
              &SegmentationLossParams::focal}) {
            SegmentationLossParams p = all_terms;
            p.cross_entropy = p.dice = p.jaccard = p.focal = 0;
            p.*term = 1;
            const Result alone = evaluate(logits, labels, p);
            CHECK(alone.loss > 0);
            loss += all_terms.*term * alone.loss;
            const auto values = values_of(alone.gradient);
            for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += all_terms.*term * values[i];
        }
        const Result together = evaluate(logits, labels, all_terms);
        CHECK(together.loss == doctest::Approx(loss).epsilon(1e-5));
        CHECK(relative_error(together.gradient, Tensor::from(gradient, logits.shape(), Device::reference)) <= 1e-5);
    }
}

TEST_CASE("void pixels have no gradient and no say") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Shape shape{2, 3, 4, 5};
        const Tensor labels = random_labels({2, 3, 4}, 5, 2, void_label, device);
        const auto label = labels.to_vector<std::uint8_t>();
        auto values = values_of(uniform(shape, 1, -2, 2));
        const auto on_device = [&] {
            return converted(Tensor::from(values, shape, Device::reference), Dtype::f32, device);
        };
        const Result before = evaluate(on_device(), labels, all_terms);
        for (std::size_t i = 0; i < values.size(); ++i)
            if (label[i / 5] == void_label) values[i] = 1e3 * (i % 5 == 0 ? 1 : -1);
        const Result after = evaluate(on_device(), labels, all_terms);
        CHECK(after.loss == before.loss);
        CHECK(values_of(after.gradient) == values_of(before.gradient));
        const auto gradient = values_of(after.gradient);
        int voids = 0;
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            if (label[i / 5] != void_label) continue;
            CHECK(gradient[i] == 0);
            ++voids;
        }
        CHECK(voids > 0);
    }
}

TEST_CASE("with no valid pixel loss and gradient are 0, with and without smoothing") {
    for (const Device device : computing_devices()) {
        for (const bool per_image : {false, true}) {
            for (const double smooth : {0.0, 1e-5}) {
                CAPTURE(run_name(Dtype::f32, device));
                SegmentationLossParams p = all_terms;
                p.smooth = smooth;
                p.per_image = per_image;
                const Tensor logits = converted(uniform({2, 2, 3, 4}, 1), Dtype::f32, device);
                const Tensor labels = Tensor::from(std::vector<std::uint8_t>(12, void_label), {2, 2, 3}, device);
                const Result result = evaluate(logits, labels, p);
                CHECK(std::abs(result.loss) <= 1e-6);
                CHECK(values_of(result.gradient) == std::vector<double>(48, 0.0));
            }
        }
    }
}

TEST_CASE("the statistics are the sums they are documented to be") {
    for (const Device device : computing_devices()) {
        for (const bool per_image : {false, true}) {
            CAPTURE(run_name(Dtype::f32, device));
            CAPTURE(per_image);
            const std::size_t images = 2, pixels = 6, classes = 3, groups = per_image ? images : 1;
            const Tensor logits = converted(uniform({2, 2, 3, 3}, 1), Dtype::f32, device);
            const Tensor labels = random_labels({2, 2, 3}, 3, 4, void_label, device);
            const std::vector<float> weight = {0.5f, 2, 1.25f};
            SegmentationLossParams p = all_terms;
            p.per_image = per_image;
            const auto stats = ops::segmentation_loss(logits, labels, p, Tensor::from(weight, {3}, device)).stats;
            const auto q = values_of(ops::softmax(converted(logits, Dtype::f64, Device::reference)));
            const auto t = labels.to_vector<std::uint8_t>();
            std::vector<double> expected(groups * classes * 3 + 2);
            for (std::size_t i = 0; i < images * pixels; ++i) {
                if (t[i] == void_label) continue;
                for (std::size_t c = 0; c < classes; ++c) {
                    double* sums = &expected[((per_image ? i / pixels : 0) * classes + c) * 3];
                    sums[0] += t[i] == c ? q[i * classes + c] : 0;
                    sums[1] += q[i * classes + c];
                    sums[2] += t[i] == c;
                }
                expected[groups * classes * 3] += static_cast<double>(weight[t[i]]);
                expected[groups * classes * 3 + 1] += 1;
            }
            const auto actual = values_of(stats);
            REQUIRE(actual.size() == expected.size());
            for (std::size_t i = 0; i + 1 < expected.size(); ++i) {  // the last slot is unused
                CAPTURE(i);
                CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(1e-5));
            }
        }
    }
}

TEST_CASE("logits of any size give a finite loss and gradient") {
    for (const Device device : computing_devices()) {
        for (const float size : {1e2f, 1e4f}) {
            CAPTURE(run_name(Dtype::f32, device));
            CAPTURE(size);
            const Tensor logits = converted(uniform({1, 4, 5, 7}, 1, -size, size), Dtype::f32, device);
            const Result result = evaluate(logits, random_labels({1, 4, 5}, 7, 2, -1, device), all_terms);
            CHECK(std::isfinite(result.loss));
            CHECK(relative_error(result.gradient, result.gradient) == 0);  // infinite where a value is not finite
        }
    }
}

TEST_CASE("backward's scale reaches the logits") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Tensor logits = converted(uniform({1, 4, 5, 3}, 1), Dtype::f32, device);
        const Tensor labels = random_labels({1, 4, 5}, 3, 2, void_label, device);
        const Tensor once = evaluate(logits, labels, all_terms).gradient;
        const Tensor scaled = evaluate(logits, labels, all_terms, 0.25).gradient;
        CHECK(relative_error(scaled, ops::scale(once, 0.25)) <= 1e-6);
    }
}

TEST_CASE("the same loss every time") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Tensor logits = converted(uniform({3, 33, 31, 11}, 1), Dtype::f32, device);
        const Tensor labels = random_labels({3, 33, 31}, 11, 2, void_label, device);
        const Result first = evaluate(logits, labels, all_terms);
        for (int i = 0; i < 3; ++i) {
            const Result again = evaluate(logits, labels, all_terms);
            CHECK(again.loss == first.loss);
            CHECK(values_of(again.stats) == values_of(first.stats));
            CHECK(values_of(again.gradient) == values_of(first.gradient));
        }
    }
}
