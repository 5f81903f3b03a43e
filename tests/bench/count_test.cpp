// bench_step --count: what a step on a GPU costs before one is there to measure it.
#include "step/count.h"

#include <camber/error.h>
#include <doctest/doctest.h>

using namespace camber;
using bench::count_step;
using bench::StepCounts;
using bench::StepSize;

TEST_CASE("bench_step --count: a step of the 31 M U-Net at batch 16 moves no more than docs/gpu.md says") {
    if (!has_backend(Device::emulated)) return;
    const StepCounts counts = count_step({.dtype = Dtype::bf16, .batch = 16});
    CHECK(counts.bytes() <= 18'540'000'000);
    CHECK(counts.launched() <= 156);
    // Each convolution reads its operands and writes its result: 19 calls a pass, 18 where the pictures' gradient is
    // not wanted, and 4 for the transposed ones.
    CHECK(counts.profile.at("conv2d").calls == 23);
    CHECK(counts.profile.at("conv2d_backward_data").calls == 22);
    CHECK(counts.profile.at("conv2d_backward_filter").calls == 23);
}

TEST_CASE("bench_step --count: bytes grow with the batch and shrink with the type, launches do neither") {
    if (!has_backend(Device::emulated)) return;
    StepSize size = {.dtype = Dtype::bf16, .batch = 2, .size = 64};
    const StepCounts two = count_step(size);
    size.batch = 4;
    const StepCounts four = count_step(size);
    size.batch = 6;
    const StepCounts six = count_step(size);
    CHECK(four.bytes() > two.bytes());
    // What is moved for weights stays, the rest goes in proportion.
    CHECK(six.bytes() - four.bytes() == four.bytes() - two.bytes());
    CHECK(four.launches == two.launches);
    size.dtype = Dtype::f32;
    CHECK(count_step(size).bytes() > six.bytes());
}
