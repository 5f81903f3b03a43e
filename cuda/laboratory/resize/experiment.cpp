#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

const Register resize(Experiment{
    .name = "resize",
    .what = "bf16 [N, H, W, C] to twice its height and width, bilinear",
    .shipped = "four outputs share their inputs",
    .axes = "N,H,W,C",
    .counted = {1, 16, 16, 64},
    .timed = {16, 128, 128, 64},
    .make =
        [](const std::vector<std::int64_t>& s) {
            return Problem{.in = {{"x", {s[0], s[1], s[2], s[3]}}},
                           .out = {{"y", {s[0], 2 * s[1], 2 * s[2], s[3]}}},
                           .primitive = [](Backend& b, const Tensors& in, const Tensors& out) {
                               b.resize(in[0], out[0], ResizeMode::bilinear);
                           }};
        },
});

}  // namespace
}  // namespace camber::laboratory
