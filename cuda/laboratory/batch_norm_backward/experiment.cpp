#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

const Register batch_norm_backward(Experiment{
    .name = "batch_norm_backward",
    .what = "gradients of batch normalisation with ReLU of bf16 [N, H, W, C]",
    .shipped = "16 bytes, blocks in order",
    .axes = "N,H,W,C",
    .counted = {1, 64, 64, 64},
    .timed = {16, 256, 256, 64},
    .make =
        [](const std::vector<std::int64_t>& s) {
            const Shape image{s[0], s[1], s[2], s[3]}, channels{s[3]};
            Problem problem{.in = {{"x", image, Dtype::bf16, -1, 2},
                                   {"dy", image},
                                   {"gamma", channels, Dtype::f32, 0.5f, 2},
                                   {"beta", channels, Dtype::f32},
                                   {"mean", channels, Dtype::f32, 0, 1},
                                   {"invstd", channels, Dtype::f32, 0.5f, 2}},
                            .out = {{"dx", image}, {"dgamma", channels, Dtype::f32}, {"dbeta", channels, Dtype::f32}},
                            .primitive = [](Backend& b, const Tensors& in, const Tensors& out) {
                                b.batch_norm_backward(in[0], {}, {in[1]}, {}, in[2], in[3], in[4], in[5], out[0], {},
                                                      out[1], out[2], {.relu = true});
                            }};
            problem.bytes = 5 * image.numel() * 2;  // the sums have to be known before a gradient is
            return problem;
        },
});

}  // namespace
}  // namespace camber::laboratory
