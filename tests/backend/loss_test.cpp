#include "backend/loss_cases.h"

#include <camber/metrics.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "support/compare.h"
#include "support/devices.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// Rows of the numbers 0 to C - 1 in any order: no two logits of a pixel are equal, or nearly so.
Tensor levels(const Shape& shape, std::uint64_t seed) {
    Philox random({seed, Stream::init, 0});
    const auto classes = static_cast<std::size_t>(shape.back());
    std::vector<double> values(static_cast<std::size_t>(shape.numel()));
    for (std::size_t row = 0; row < values.size(); row += classes) {
        for (std::size_t c = 0; c < classes; ++c) values[row + c] = static_cast<double>(c);
        for (std::size_t left = classes; left > 1; --left)
            std::swap(values[row + left - 1], values[row + random.below(static_cast<std::uint32_t>(left))]);
    }
    return Tensor::from(values, shape, Device::reference);
}

}  // namespace

TEST_CASE("segmentation losses") {
    const std::vector<SegmentationLossParams> all = {
        {.cross_entropy = 1},
        {.cross_entropy = 1, .ignore_index = 255},
        {.cross_entropy = 1, .ignore_index = 0, .label_smoothing = 0.1},
        {.dice = 1, .ignore_index = 255},
        {.dice = 1, .ignore_index = 255, .smooth = 1, .per_image = true},
        {.jaccard = 1, .ignore_index = 255},
        {.jaccard = 1, .per_image = true},
        {.focal = 1, .ignore_index = 255},
        {.focal = 1, .focal_gamma = 0},
        {.focal = 1, .focal_gamma = 1},
        {.focal = 1, .focal_gamma = 0.5},
        {.cross_entropy = 0.7,
         .dice = 0.5,
         .jaccard = 0.3,
         .focal = 0.2,
         .ignore_index = 255,
         .label_smoothing = 0.05,
         .per_image = true},
    };
    for (const SegmentationLossParams& p : all) {
        for (const Shape& logits : {Shape{1, 1, 1, 2}, Shape{1, 1, 1, 1}, Shape{2, 5, 7, 3}, Shape{3, 5, 7, 11},
                                    Shape{2, 8, 4, 12}, Shape{1, 5, 7, 17}, Shape{1, 5, 7, 35}})
            check(segmentation_loss({logits, p}));
        check(segmentation_loss({{3, 5, 7, 11}, p, true}));
    }
    check(segmentation_loss({{2, 40, 33, 11}, all.back()}));
    check(segmentation_loss({{2, 40, 33, 11}, all.back(), true}));
    check(segmentation_loss({{2, 128, 96, 11}, {.cross_entropy = 1, .dice = 1, .ignore_index = 11}, true}));
    check(segmentation_loss({{1, 8, 8, 200}, {.cross_entropy = 1, .dice = 1}}));
    check(segmentation_loss({{2, 16, 16, 11}, {.cross_entropy = 1, .focal = 1}, false, 60}));
}

TEST_CASE("cross-entropy by itself, and pixels counted on the way") {
    // Without the sums that Dice and Jaccard need; logits far enough apart to be ordered alike in every dtype.
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 5, 7, 3}, Shape{3, 5, 7, 11}, Shape{2, 8, 4, 16},
                               Shape{1, 5, 7, 35}, Shape{2, 64, 48, 11}, Shape{1, 4, 4, 100}})
        for (const int ignore_index : {-1, 0, 255})
            for (const bool weighted : {false, true})
                for (const SegmentationLossParams& p :
                     {SegmentationLossParams{.cross_entropy = 0.5, .ignore_index = ignore_index},
                      SegmentationLossParams{.cross_entropy = 1,
                      .focal = 0.5,
                      .ignore_index = ignore_index,
                      .label_smoothing = 0.1,
                      .per_image = true}}) {
                    const std::int64_t classes = shape.back();
                    const Shape image{shape[0], shape[1], shape[2]};
                    for (PrimitiveCase& c : segmentation_loss({shape, p, weighted, 3, false})) {
                        c.inputs[0] = activation_of(distinct, shape, 1, 12.0 / static_cast<double>(shape.numel()));
                        check(c);
                    }
                    if (classes > 40) continue;  // too many values for bf16 to tell apart
                    check({.primitive = "segmentation_loss",
                           .what = fmt::format("pixels counted {} ignore {}", shape.str(), ignore_index),
                           .inputs = {activation_of(levels, shape, 1), labels(image, classes, 2, ignore_index)},
                           .outputs = {{"counts", {classes, classes}, Kind::i32}, {"loss", {}, Kind::parameter}},
                           .prepare = [](Backend& b, auto&, auto& out) { b.fill(out[0], 3); },
                           .run =
                               [=](Backend& b, auto& in, auto& out) {
                                   const Tensor stats = Tensor::empty({2}, Dtype::f64, in[0].device());
                                   b.segmentation_loss(in[0], in[1], {}, {}, out[1], stats, out[0], p);
                               }});
                }
}

TEST_CASE("counting pixels in the loss is argmax and the host's confusion matrix") {
    for (const Device device : computing_devices())
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16})
            for (const std::int64_t classes : {2, 11, 16, 35, 70})
                for (const double dice : {0.0, 1.0}) {
                    CAPTURE(run_name(dtype, device));
                    CAPTURE(classes);
                    const Shape shape{2, 19, 23, classes};
                    const SegmentationLossParams p{.cross_entropy = 1, .dice = dice, .ignore_index = 1};
                    // With ties, in bf16: the first of equals in both.
                    const Tensor logits = converted(uniform(shape, 1), dtype, device);
                    const Tensor labels = random_labels({2, 19, 23}, static_cast<int>(classes), 2, 1, device);
                    const Tensor counts = Tensor::zeros({classes, classes}, Dtype::i32, device);
                    const Tensor prediction = Tensor::empty({2, 19, 23}, Dtype::u8, device);
                    Backend& b = backend(device);
                    b.argmax(logits, prediction);
                    ConfusionMatrix expected(static_cast<int>(classes));
                    auto truth = labels.to_vector<std::uint8_t>();
                    std::replace(truth.begin(), truth.end(), std::uint8_t{1}, std::uint8_t{255});
                    expected.add(truth, prediction.to_vector<std::uint8_t>());
                    const Tensor stats = Tensor::empty({dice > 0 ? classes * 3 + 2 : 2}, Dtype::f64, device),
                                 loss = Tensor::empty({}, Dtype::f32, device);
                    for (int i = 0; i < 2; ++i) b.segmentation_loss(logits, labels, {}, {}, loss, stats, counts, p);
                    ConfusionMatrix counted(static_cast<int>(classes));
                    counted.add(counts);
                    expected.add(expected.counts());
                    CHECK(counted.counts() == expected.counts());
                }
}

TEST_CASE("a label that is no class makes the loss NaN on a GPU") {
    for (const Device device : computing_devices()) {
        if (is_host(device)) continue;  // an error there
        for (const std::int64_t sums : {2, 11}) {
            const Tensor logits = converted(uniform({1, 4, 4, 3}, 1), Dtype::f32, device);
            const Tensor labels = Tensor::from(std::vector<std::uint8_t>(16, 7), {1, 4, 4}, device);
            const Tensor stats = Tensor::empty({sums}, Dtype::f64, device),
                         loss = Tensor::empty({1}, Dtype::f32, device);
            backend(device).segmentation_loss(logits, labels, {}, {}, loss, stats, {}, {.cross_entropy = 1});
            CHECK(std::isnan(loss.item()));
        }
    }
}

TEST_CASE("a loss with no valid pixel is zero, and so is its gradient") {
    for (PrimitiveCase& c : segmentation_loss({{1, 3, 3, 4}, {.cross_entropy = 1, .focal = 1, .ignore_index = 0}})) {
        c.inputs[1] = given(Tensor::zeros({1, 3, 3}, Dtype::u8, Device::reference), Kind::u8);
        check(c);
    }
}
