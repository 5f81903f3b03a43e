#pragma once
#include "backend/primitive_case.h"

namespace camber::testing {

struct LossCase {
    Shape logits;
    SegmentationLossParams params;
    bool weighted = false;
    float range = 3;  ///< of the logits
    /// The sums that Dice and Jaccard need; they may be wanted without them.
    bool sums = true;
};

inline Cases segmentation_loss(const LossCase& c) {
    const SegmentationLossParams& p = c.params;
    const std::int64_t classes = c.logits.back();
    const Shape stats{c.sums ? (p.per_image ? c.logits[0] : 1) * classes * 3 + 2 : 2};
    std::string what = c.logits.str();
    for (const auto& [name, value] :
         {std::pair{"ce", p.cross_entropy}, std::pair{"dice", p.dice}, std::pair{"jaccard", p.jaccard},
          std::pair{"focal", p.focal}, std::pair{"smoothing", p.label_smoothing}})
        if (value != 0) what += fmt::format(" {} {}", name, value);
    what += fmt::format("{}{}{}{}", p.focal > 0 ? fmt::format(" gamma {}", p.focal_gamma) : "",
                        p.ignore_index >= 0 ? fmt::format(" ignore {}", p.ignore_index) : "",
                        p.per_image ? " per image" : "", c.weighted ? " weighted" : "");
    const std::vector<Input> inputs = {activation(c.logits, 1, -c.range, c.range),
                                       labels({c.logits[0], c.logits[1], c.logits[2]}, classes, 2, p.ignore_index),
                                       parameter({classes}, 3, 0.5f, 2), parameter({classes}, 4, 0.1f, 1),
                                       parameter({1}, 5, 0.5f, 2)};
    const auto weights = [weighted = c.weighted](const Tensor& t) { return weighted ? t : Tensor(); };
    const auto loss = [=](Backend& b, auto& in, auto& out) {
        b.segmentation_loss(in[0], in[1], weights(in[2]), weights(in[3]), out[0], out[1], {}, p);
    };
    const std::vector<Output> outputs = {{"loss", {}, Kind::parameter}, {"stats", stats, Kind::f64}};
    return {{.primitive = "segmentation_loss", .what = what, .inputs = inputs, .outputs = outputs, .run = loss},
            {.primitive = "segmentation_loss_backward",
             .what = what,
             .inputs = inputs,
             .outputs = {outputs[0], outputs[1], {"dlogits", c.logits}},
             .prepare = loss,
             .run = [=](Backend& b, auto& in, auto& out) {
                 b.segmentation_loss_backward(in[0], in[1], weights(in[2]), weights(in[3]), out[1], in[4], out[2], p);
             }}};
}

}  // namespace camber::testing
