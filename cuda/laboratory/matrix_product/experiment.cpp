#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

/// The product that a 1x1 convolution is: pixels by channels. Both matrices have k side by side.
const Register matrix_product(Experiment{
    .name = "matrix_product",
    .what = "bf16 c [M, N] = a [M, K] times the transpose of b [N, K], sums in f32",
    .shipped = "the convolution's GEMM, at 1x1",
    .axes = "M,N,K",
    .counted = {128, 128, 128},
    .timed = {8192, 8192, 8192},
    .make =
        [](const std::vector<std::int64_t>& s) {
            const auto m = s[0], n = s[1], k = s[2];
            return Problem{.in = {{"a", {1, 1, m, k}}, {"b", {n, 1, 1, k}}},
                           .out = {{"c", {1, 1, m, n}}},
                           .primitive = [](Backend& b, const Tensors& in,
                                           const Tensors& out) { b.conv2d(in[0], in[1], {}, out[0], {}); },
                           .operations = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k),
                           .tensor_cores = true};
        },
});

}  // namespace
}  // namespace camber::laboratory
