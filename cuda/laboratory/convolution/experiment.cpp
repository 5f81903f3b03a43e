#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

const Register convolution(Experiment{
    .name = "convolution",
    .what = "3x3 convolution of bf16 [N, H, W, Cin] to Cout channels, a zero around, sums in f32",
    .shipped = "implicit GEMM, by warpgroups",
    .axes = "N,H,W,Cin,Cout",
    .counted = {1, 8, 8, 64, 64},
    .timed = {16, 128, 128, 128, 128},
    .make =
        [](const std::vector<std::int64_t>& s) {
            const double products = static_cast<double>(s[0] * s[1] * s[2] * s[4]) * 9 * static_cast<double>(s[3]);
            return Problem{.in = {{"x", {s[0], s[1], s[2], s[3]}}, {"w", {s[4], 3, 3, s[3]}}},
                           .out = {{"y", {s[0], s[1], s[2], s[4]}}},
                           .primitive =
                               [](Backend& b, const Tensors& in, const Tensors& out) {
                                   b.conv2d(in[0], in[1], {}, out[0], {.padding = {1, 1, 1, 1}});
                               },
                           .operations = 2 * products,
                           .tensor_cores = true};
        },
});

}  // namespace
}  // namespace camber::laboratory
