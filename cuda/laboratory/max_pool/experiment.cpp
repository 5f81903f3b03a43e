#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

const Register max_pool(Experiment{
    .name = "max_pool",
    .what = "maxima of 2x2 windows of bf16 [N, H, W, C]",
    .shipped = "16 bytes of channels a thread",
    .axes = "N,H,W,C",
    .counted = {1, 32, 32, 64},
    .timed = {16, 256, 256, 64},
    .make =
        [](const std::vector<std::int64_t>& s) {
            return Problem{.in = {{"x", {s[0], s[1], s[2], s[3]}}},
                           .out = {{"y", {s[0], s[1] / 2, s[2] / 2, s[3]}}},
                           .primitive = [](Backend& b, const Tensors& in, const Tensors& out) {
                               b.max_pool2d(in[0], out[0], {});
                           }};
        },
});

}  // namespace
}  // namespace camber::laboratory
