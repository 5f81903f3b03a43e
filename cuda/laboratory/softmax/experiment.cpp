#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

const Register softmax(Experiment{
    .name = "softmax",
    .what = "softmax of bf16 [N, H, W, C] over its channels",
    .shipped = "a warp's rows in 16-byte pieces",
    .axes = "N,H,W,C",
    .counted = {1, 64, 64, 12},
    .timed = {16, 256, 256, 12},
    .make =
        [](const std::vector<std::int64_t>& s) {
            return Problem{
                .in = {{"x", {s[0], s[1], s[2], s[3]}, Dtype::bf16, -3, 3}},
                .out = {{"y", {s[0], s[1], s[2], s[3]}}},
                .primitive = [](Backend& b, const Tensors& in, const Tensors& out) { b.softmax(in[0], out[0]); }};
        },
});

}  // namespace
}  // namespace camber::laboratory
