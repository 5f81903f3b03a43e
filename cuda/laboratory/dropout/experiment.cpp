#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

const Register dropout(Experiment{
    .name = "dropout",
    .what = "bf16 [N], a fifth of it zero by Philox's numbers, the rest scaled",
    .shipped = "16 bytes a thread",
    .axes = "N",
    .counted = {65536},
    .timed = {67108864},
    .make =
        [](const std::vector<std::int64_t>& s) {
            return Problem{.in = {{"x", {s[0]}}},
                           .out = {{"y", {s[0]}}},
                           .primitive = [](Backend& b, const Tensors& in, const Tensors& out) {
                               b.dropout(in[0], out[0], 0.2, {1, Stream::dropout, 0}, {});
                           }};
        },
});

}  // namespace
}  // namespace camber::laboratory
