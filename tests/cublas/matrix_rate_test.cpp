#include <doctest/doctest.h>

#include "kernels/cublas_rate.h"
#include "support/errors.h"
#include "support/program.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("cuBLAS: the matrix rate is that of a product, and says why there is none") {
    const cublas::Api api = cublas::load_api({beside_program("libtest_host_cublas.so")});
    const bench::MatrixPlace host{Device::cpu, nullptr};
    const bench::Rounds rounds{.seconds = 0, .count = 3};
    for (const Dtype dtype : {Dtype::bf16, Dtype::f32}) {
        const bench::MatrixRate rate = bench::cublas_rate(api, host, {.dtype = dtype, .out = dtype}, 48, rounds);
        CHECK(rate.operations_per_second > 1e5);
        CHECK(rate.operations_per_second < 1e12);  // as a host has, which really multiplied
        CHECK(rate.algorithm.find("algorithm ") == 0);
        CHECK(rate.why_absent == "");
    }
    CHECK(error_of([&] { bench::cublas_rate(api, host, {.dtype = Dtype::u8}, 48, rounds); }).find("not u8") !=
          std::string::npos);
    CHECK(bench::matrix_rate(Device::cpu, Dtype::bf16, false, 48, rounds).why_absent ==
          "cuBLAS does not serve the device 'cpu'");
}
