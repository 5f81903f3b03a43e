#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

const Register concatenation(Experiment{
    .name = "concatenation",
    .what = "bf16 [N, H, W, C] becomes the second half of the channels of [N, H, W, 2 C], as a decoder joins a skip",
    .shipped = "four pieces of 16 bytes",
    .axes = "N,H,W,C",
    .counted = {1, 32, 32, 64},
    .timed = {16, 256, 256, 64},
    .make =
        [](const std::vector<std::int64_t>& s) {
            const std::int64_t c = s[3];
            Problem problem{.in = {{"x", {s[0], s[1], s[2], c}}},
                            .out = {{"y", {s[0], s[1], s[2], 2 * c}}},
                            .primitive = [c](Backend& b, const Tensors& in,
                                             const Tensors& out) { b.copy_channels(in[0], 0, out[0], c, c, {}); },
                            .tolerance = 0};
            problem.bytes = 2 * bytes_of(problem.in);
            return problem;
        },
});

}  // namespace
}  // namespace camber::laboratory
