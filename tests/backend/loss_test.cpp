#include <doctest/doctest.h>

#include "backend/primitive.h"
#include "support/devices.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

namespace {

struct Case {
    Shape logits;
    SegmentationLossParams params;
    bool weighted = false;
    float range = 3;  ///< of the logits
};

void check_loss(const Case& c) {
    const SegmentationLossParams& p = c.params;
    const std::int64_t classes = c.logits.back();
    const Shape image{c.logits[0], c.logits[1], c.logits[2]}, stats{(p.per_image ? c.logits[0] : 1) * classes * 3 + 3};
    const std::string name =
        fmt::format("{} ce {} dice {} jaccard {} focal {} gamma {} smoothing {} ignore {}{}{}", c.logits.str(),
                    p.cross_entropy, p.dice, p.jaccard, p.focal, p.focal_gamma, p.label_smoothing, p.ignore_index,
                    p.per_image ? " per image" : "", c.weighted ? " weighted" : "");
    const std::vector<Input> inputs = {activation(uniform(c.logits, 1, -c.range, c.range)),
                                       {random_labels(image, static_cast<int>(classes), 2, p.ignore_index), Kind::u8},
                                       parameter(uniform({classes}, 3, 0.5f, 2)),
                                       parameter(uniform({classes}, 4, 0.1f, 1)),
                                       parameter(uniform({1}, 5, 0.5f, 2))};
    const auto weights = [weighted = c.weighted](const Tensor& t) { return weighted ? t : Tensor(); };
    check({.name = "segmentation_loss " + name,
           .inputs = inputs,
           .outputs = {{"loss", {}, Kind::parameter}, {"stats", stats, Kind::f64}},
           .run = [=](Backend& b, auto& in, auto& out) {
               b.segmentation_loss(in[0], in[1], weights(in[2]), weights(in[3]), out[0], out[1], p);
           }});
    check({.name = "segmentation_loss_backward " + name,
           .inputs = inputs,
           .outputs = {{"dlogits", c.logits}, {"loss", {}, Kind::parameter}, {"stats", stats, Kind::f64}},
           .run = [=](Backend& b, auto& in, auto& out) {
               b.segmentation_loss(in[0], in[1], weights(in[2]), weights(in[3]), out[1], out[2], p);
               b.segmentation_loss_backward(in[0], in[1], weights(in[2]), weights(in[3]), out[2], in[4], out[0], p);
           }});
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
            check_loss({logits, p});
        check_loss({{3, 5, 7, 11}, p, true});
    }
    check_loss({{2, 40, 33, 11}, all.back()});
    check_loss({{2, 40, 33, 11}, all.back(), true});
    check_loss({{2, 128, 96, 11}, {.cross_entropy = 1, .dice = 1, .ignore_index = 11}, true});
    check_loss({{1, 8, 8, 200}, {.cross_entropy = 1, .dice = 1}});
    check_loss({{2, 16, 16, 11}, {.cross_entropy = 1, .focal = 1}, false, 60});
}

TEST_CASE("a loss with no valid pixel is zero, and so is its gradient") {
    const SegmentationLossParams p{.cross_entropy = 1, .focal = 1, .ignore_index = 0};
    const Input labels{Tensor::zeros({1, 3, 3}, Dtype::u8, Device::reference), Kind::u8};
    check({.name = "only void",
           .inputs = {activation(uniform({1, 3, 3, 4}, 1)), labels, parameter(uniform({1}, 2))},
           .outputs = {{"loss", {}, Kind::parameter}, {"stats", {15}, Kind::f64}, {"dlogits", {1, 3, 3, 4}}},
           .run = [=](Backend& b, auto& in, auto& out) {
               b.segmentation_loss(in[0], in[1], {}, {}, out[0], out[1], p);
               b.segmentation_loss_backward(in[0], in[1], {}, {}, out[1], in[2], out[2], p);
           }});
}
