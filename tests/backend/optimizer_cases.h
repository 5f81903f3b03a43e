#pragma once
#include "backend/primitive_case.h"

namespace camber::testing {

using Segments = std::vector<ParameterSegment>;

/// On `length` parameters; `decay` > 0: with a moving average.
inline PrimitiveCase optimizer_step(const char* what, std::int64_t length, const Segments& segments,
                                    const OptimizerParams& p, double decay = 0, bool first = false) {
    const bool adam = p.kind != OptimizerKind::sgd, state1 = adam || p.momentum != 0, ema = decay > 0;
    const std::vector<double> numbers = {
        0.5, adam ? 0.271 : 1.0, adam ? 0.0029 : 1.0, first ? 1.0 : 0.0, decay, 0.9, 0.1, 0.01, 0.1, 0.003, 0.0};
    const auto buffer = [=](std::uint64_t seed, float low = -1) { return parameter({length}, seed, low, 1); };
    return {.primitive = "optimizer_step",
            .what = what,
            .inputs = {buffer(1), buffer(2), buffer(3), buffer(4, 0), buffer(5), parameter({1}, 6, 100, 101),
                       given(Tensor::from(numbers, {11}, Device::reference), Kind::parameter)},
            .outputs = {{"parameter", {length}, Kind::parameter},
                        {"state1", {length}, Kind::parameter},
                        {"state2", {length}, Kind::parameter},
                        {"ema", {length}, Kind::parameter}},
            .prepare =
                [](Backend&, auto& in, auto& out) {
                    out[0].copy_from(in[0]);
                    for (std::size_t i = 1; i < 4; ++i) out[i].copy_from(in[i + 1]);
                },
            .run =
                [=](Backend& b, auto& in, auto& out) {
                    b.optimizer_step(out[0], {}, in[1], state1 ? out[1] : Tensor(), adam ? out[2] : Tensor(),
                                     ema ? out[3] : Tensor(), in[5], in[6], segments, p);
                }};
}

inline PrimitiveCase gradient_norm(std::int64_t length, const Segments& segments) {
    return {.primitive = "grad_norm",
            .what = fmt::format("{} in {} segments", length, segments.size()),
            .inputs = {parameter({length}, 1)},
            .outputs = {{"norm", {1}, Kind::parameter}},
            .run = [=](Backend& b, auto& in, auto& out) { b.grad_norm(in[0], segments, out[0]); }};
}

}  // namespace camber::testing
