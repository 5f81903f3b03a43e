#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

const Register cross_entropy(Experiment{
    .name = "cross_entropy",
    .what = "mean cross-entropy of softmax over bf16 logits [N, H, W, C], label C - 1 left out",
    .shipped = "rows of a warp, one ahead",
    .axes = "N,H,W,C",
    .counted = {1, 64, 64, 12},
    .timed = {16, 256, 256, 12},
    .make =
        [](const std::vector<std::int64_t>& s) {
            if (s[3] > 32) throw UsageError("cross_entropy takes at most 32 classes");
            const SegmentationLossParams p{.cross_entropy = 1, .ignore_index = static_cast<int>(s[3]) - 1};
            return Problem{.in = {{"logits", {s[0], s[1], s[2], s[3]}, Dtype::bf16, -3, 3},
                                  {"labels", {s[0], s[1], s[2]}, Dtype::u8, 0, static_cast<float>(s[3])}},
                           .out = {{"loss", {}, Dtype::f32}, {"stats", {2}, Dtype::f64}},
                           .primitive =
                               [p](Backend& b, const Tensors& in, const Tensors& out) {
                                   b.segmentation_loss(in[0], in[1], {}, {}, out[0], out[1], {}, p);
                               },
                           .tolerance = 1e-4};
        },
});

}  // namespace
}  // namespace camber::laboratory
