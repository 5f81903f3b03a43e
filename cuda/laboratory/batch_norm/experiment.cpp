#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

const Register batch_norm(Experiment{
    .name = "batch_norm",
    .what = "batch normalisation with ReLU of bf16 [N, H, W, C]: statistics, running statistics, output",
    .shipped = "16 bytes, last block finishes",
    .axes = "N,H,W,C",
    .counted = {1, 64, 64, 64},
    .timed = {16, 256, 256, 64},
    .make =
        [](const std::vector<std::int64_t>& s) {
            const Shape image{s[0], s[1], s[2], s[3]}, channels{s[3]};
            Problem problem{.in = {{"x", image, Dtype::bf16, -1, 2},
                                   {"gamma", channels, Dtype::f32, 0.5f, 2},
                                   {"beta", channels, Dtype::f32}},
                            .out = {{"y", image},
                                    {"mean", channels, Dtype::f32},
                                    {"invstd", channels, Dtype::f32},
                                    {"running_mean", channels, Dtype::f32},
                                    {"running_var", channels, Dtype::f32}},
                            .primitive = [](Backend& b, const Tensors& in, const Tensors& out) {
                                b.batch_norm_train(in[0], {}, in[1], in[2], {}, out[3], out[4], {out[0]}, {}, out[1],
                                                   out[2], {.relu = true});
                            }};
            problem.bytes = 3 * image.numel() * 2;  // the statistics have to be known before an output is
            return problem;
        },
});

}  // namespace
}  // namespace camber::laboratory
