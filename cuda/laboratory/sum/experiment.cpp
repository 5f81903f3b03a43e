#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

const Register sum(Experiment{
    .name = "sum",
    .what = "the sum of f32 [N]",
    .shipped = "blocks' sums in a fixed order",
    .axes = "N",
    .counted = {65536},
    .timed = {67108864},
    .make =
        [](const std::vector<std::int64_t>& s) {
            return Problem{.in = {{"x", {s[0]}, Dtype::f32, 0, 1}},
                           .out = {{"sum", {}, Dtype::f32}},
                           .primitive = [](Backend& b, const Tensors& in, const Tensors& out) { b.sum(in[0], out[0]); },
                           .tolerance = 1e-4};
        },
});

}  // namespace
}  // namespace camber::laboratory
