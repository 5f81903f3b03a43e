#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

/// Parameters and both moments begin as the threes that outputs are filled with; learning rate, decay, bias corrections
/// and the first moment's weights are any numbers, in the places of step_scalar.
const Register adam(Experiment{
    .name = "adam",
    .what = "a step of Adam on f32 [N]: parameters and two moments, from gradients",
    .shipped = "16 bytes an access",
    .axes = "N",
    .counted = {65536},
    .timed = {31000000},
    .make =
        [](const std::vector<std::int64_t>& s) {
            Problem problem{.in = {{"gradient", {s[0]}, Dtype::f32}, {"scalars", {9}, Dtype::f32, 0.1f, 0.9f}},
                            .out = {{"parameter", {s[0]}, Dtype::f32},
                                    {"moment", {s[0]}, Dtype::f32},
                                    {"square", {s[0]}, Dtype::f32}},
                            .primitive =
                                [](Backend& b, const Tensors& in, const Tensors& out) {
                                    const ParameterSegment all = {0, in[0].numel(), 0};
                                    b.optimizer_step(out[0], {}, in[0], out[1], out[2], {}, {}, in[1], {&all, 1}, {});
                                },
                            .tolerance = 1e-5};
            problem.bytes = bytes_of(problem.in) + 2 * bytes_of(problem.out);
            return problem;
        },
});

}  // namespace
}  // namespace camber::laboratory
