#include "backend/norm_cases.h"

#include <doctest/doctest.h>

#include <cstring>

#include "support/compare.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// As `c` but that it runs otherwise.
PrimitiveCase variant(PrimitiveCase c, const char* how, const PrimitiveCase::Run& run,
                      const PrimitiveCase::Run& prepare = {}) {
    c.what += how;
    c.run = run;
    c.prepare = prepare;
    return c;
}

void check_norm(const Shape& shape, const BatchNormParams& p, float low = -1, float high = 1,
                double f32_tolerance = 1e-5) {
    const Cases cases = batch_norm(shape, p, low, high, f32_tolerance);
    check(cases);
    check(variant(
        cases[2], ", in place",
        [=](Backend& b, auto& i, auto& o) {
            b.batch_norm_backward(i[0], {}, {o[0]}, {}, i[1], i[2], i[3], i[4], o[0], {}, o[1], o[2], p);
        },
        [](Backend&, auto& i, auto& o) { o[0].copy_from(i[5]); }));
    check(variant(
        cases[3], ", no dx",
        [=](Backend& b, auto& i, auto& o) {
            b.batch_norm_inference_backward(i[0], {}, i[5], i[1], i[2], i[3], i[4], {}, {}, o[1], o[2], p);
        },
        [](Backend& b, auto&, auto& o) { b.fill(o[0], 0); }));
}

void check_residual(const Shape& shape, const BatchNormParams& p) {
    const Cases cases = batch_norm_residual(shape, p);
    check(cases);
    const auto y = [relu = p.relu](const Tensors& i) { return relu ? i[7] : Tensor(); };
    check(variant(
        cases[2], ", dx over dy",
        [=](Backend& b, auto& i, auto& o) {
            b.batch_norm_backward(i[0], y(i), {o[0]}, {}, i[1], i[2], i[3], i[4], o[0], o[3], o[1], o[2], p);
        },
        [](Backend&, auto& i, auto& o) { o[0].copy_from(i[5]); }));
    check(variant(
        cases[2], ", dresidual over dy",
        [=](Backend& b, auto& i, auto& o) {
            b.batch_norm_backward(i[0], y(i), {o[3]}, {}, i[1], i[2], i[3], i[4], o[0], o[3], o[1], o[2], p);
        },
        [](Backend&, auto& i, auto& o) { o[3].copy_from(i[5]); }));
    check(variant(
        cases[2], ", no dresidual",
        [=](Backend& b, auto& i, auto& o) {
            b.batch_norm_backward(i[0], y(i), {i[5]}, {}, i[1], i[2], i[3], i[4], o[0], {}, o[1], o[2], p);
        },
        [](Backend& b, auto&, auto& o) { b.fill(o[3], 0); }));
    check(variant(
        cases[3], ", dresidual alone",
        [=](Backend& b, auto& i, auto& o) {
            b.batch_norm_inference_backward(i[0], y(i), i[5], i[1], i[2], i[3], i[4], {}, o[3], o[1], o[2], p);
        },
        [](Backend& b, auto&, auto& o) { b.fill(o[0], 0); }));
}

void check_pooled(const Shape& shape, const BatchNormParams& p) {
    // y by itself; after as many channels, as in a U-Net; at a multiple of a GPU's vectors, and at no multiple.
    for (const std::int64_t begin : {std::int64_t{0}, shape[3], shape[3] + 8, std::int64_t{1}})
        check(batch_norm_pooled(shape, p, begin, begin == 1 ? shape[3] + 3 : shape[3] + begin));
    check(batch_norm_pooled_backward(shape, p, 0, shape[3]));
    check(batch_norm_pooled_backward(shape, p, shape[3] + 8, 2 * shape[3] + 8));
    check(batch_norm_pooled_backward(shape, p, 0, 0));
}

/// A copy that starts one element into its storage.
Tensor off_by_one(const Tensor& t) {
    const Tensor copy = Tensor::empty({t.numel() + 1}, t.dtype(), t.device()).slice(1, t.shape());
    copy.copy_from(t);
    return copy;
}

}  // namespace

TEST_CASE("batch normalisation of every primitive shape") {
    for (const bool relu : {false, true})
        for (const bool unbiased : {false, true})
            for (const Shape& shape : {Shape{2, 1, 1, 1}, Shape{1, 5, 7, 3}, Shape{2, 5, 7, 17}, Shape{3, 4, 4, 16},
                                       Shape{1, 3, 5, 100}, Shape{2, 8, 8, 64}})
                check_norm(shape, {.momentum = 0.25, .unbiased = unbiased, .relu = relu});
}

TEST_CASE("channels of a wider tensor that is written past the caches are those of one by itself") {
    const Shape shape{4, 128, 128, 32}, channels{32}, pooled{4, 64, 64, 32};
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
        const auto empty = [&](const Shape& s, Dtype d) { return Tensor::empty(s, d, Device::cpu); };
        const Tensor x = converted(uniform(shape, 1), dtype, Device::cpu);
        Tensor parameters[6];
        for (std::uint64_t i = 0; i < 6; ++i)
            parameters[i] = converted(uniform(channels, 2 + i, 0.5f, 1.5f), Dtype::f32, Device::cpu);
        const auto& [gamma, beta, running_mean, running_var, mean, invstd] = parameters;
        const Tensor y = empty(shape, dtype), wide = empty({4, 128, 128, 64}, dtype), back = empty(shape, dtype),
                     maxima = empty(pooled, dtype), wide_maxima = empty(pooled, dtype);
        Backend& cpu = backend(Device::cpu);
        cpu.fill(wide, 0.5);
        cpu.batch_norm_train(x, {}, gamma, beta, {}, running_mean, running_var, {y}, maxima, mean, invstd, {});
        cpu.batch_norm_train(x, {}, gamma, beta, {}, running_mean, running_var, {wide, 32}, wide_maxima, mean, invstd,
                             {});
        cpu.copy_channels(wide, 32, back, 0, 32, {});
        CHECK(std::memcmp(back.raw(), y.raw(), y.bytes()) == 0);
        CHECK(std::memcmp(wide_maxima.raw(), maxima.raw(), maxima.bytes()) == 0);
        cpu.copy_channels(wide, 0, back, 0, 32, {});
        cpu.fill(y, 0.5);
        CHECK(std::memcmp(back.raw(), y.raw(), y.bytes()) == 0);
    }
}

TEST_CASE("batch normalisation of larger images") {
    check_norm({4, 64, 48, 64}, {});
    check_norm({2, 40, 33, 11}, {});
    check_norm({4, 8, 8, 512}, {.eps = 1e-3});
}

TEST_CASE("batch normalisation keeps its digits where the mean is far from zero") {
    // f32 holds 100 + u with 3e-6 of its own rounding; a sum of squares would lose 1e4 times as much.
    check_norm({2, 64, 64, 16}, {}, 99, 101, 2e-5);
}

TEST_CASE("batch normalisation with a residual") {
    for (const bool relu : {false, true})
        for (const Shape& shape : {Shape{2, 1, 1, 1}, Shape{1, 5, 7, 3}, Shape{2, 5, 7, 17}, Shape{2, 8, 8, 64}})
            check_residual(shape, {.relu = relu});
    check_residual({2, 33, 31, 24}, {.relu = true});
}

TEST_CASE("batch normalisation with the maxima of windows") {
    for (const bool relu : {false, true})
        for (const Shape& shape : {Shape{2, 2, 2, 1}, Shape{1, 5, 7, 3}, Shape{2, 4, 6, 17}, Shape{2, 7, 4, 24},
                                   Shape{3, 8, 8, 64}, Shape{1, 6, 10, 264}})
            check_pooled(shape, {.momentum = 0.25, .relu = relu});
    check_pooled({2, 64, 48, 64}, {.eps = 1e-3, .unbiased = false, .relu = true});
}

TEST_CASE("batch normalisation of many channels that are no whole vectors") {
    check_norm({2, 3, 5, 300}, {.relu = true});
    check_norm({2, 4, 4, 301}, {});
    check_norm({1, 2, 8, 520}, {});
}

TEST_CASE("batch normalisation of tensors that start anywhere") {
    const BatchNormParams p{.relu = true};
    const Cases cases = batch_norm_residual({2, 5, 7, 24}, p);
    check(variant(
        cases[0], ", unaligned",
        [=](Backend& b, auto& i, auto& o) {
            const Tensor y = off_by_one(i[5]);
            b.batch_norm_train(off_by_one(i[0]), off_by_one(i[6]), i[1], i[2], {}, o[3], o[4], {y}, {}, o[1], o[2], p);
            o[0].copy_from(y);
        },
        begin_running));
    check(variant(cases[2], ", unaligned", [=](Backend& b, auto& i, auto& o) {
        const Tensor dx = off_by_one(i[5]);
        b.batch_norm_backward(off_by_one(i[0]), off_by_one(i[7]), {off_by_one(i[5])}, {}, i[1], i[2], i[3], i[4], dx,
                              o[3], o[1], o[2], p);
        o[0].copy_from(dx);
    }));
}
