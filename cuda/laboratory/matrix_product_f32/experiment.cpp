#include "cuda/laboratory/experiment.h"

namespace camber::laboratory {
namespace {

/// The product that a 1x1 convolution of f32 is. Both matrices have k side by side.
const Register matrix_product_f32(Experiment{
    .name = "matrix_product_f32",
    .what = "f32 c [M, N] = a [M, K] times the transpose of b [N, K], by f32 units",
    .shipped = "the convolution's GEMM, at 1x1",
    .axes = "M,N,K",
    .counted = {128, 128, 128},
    .timed = {4096, 4096, 4096},
    .make =
        [](const std::vector<std::int64_t>& s) {
            const auto m = s[0], n = s[1], k = s[2];
            return Problem{
                .in = {{"a", {1, 1, m, k}, Dtype::f32}, {"b", {n, 1, 1, k}, Dtype::f32}},
                .out = {{"c", {1, 1, m, n}, Dtype::f32}},
                .primitive = [](Backend& b, const Tensors& in,
                                const Tensors& out) { b.conv2d(in[0], in[1], {}, out[0], {}); },
                .tolerance = 1e-5,
                .operations = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k)};
        },
});

}  // namespace
}  // namespace camber::laboratory
