#include <doctest/doctest.h>

#include "backend/primitive.h"
#include "support/compare.h"
#include "support/devices.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

namespace {

const std::vector<std::vector<ParameterSegment>> layouts = {
    {{0, 1, 0}},
    {{0, 50000, 0}},
    {{3, 20, 1}, {20, 21, 0}, {37, 40000, 1}, {40016, 49999, 0}},
};
constexpr std::int64_t length = 50000;

/// `decay` > 0: with a moving average.
void check_optimizer(const OptimizerParams& p, double decay, bool first, const std::vector<ParameterSegment>& segments,
                     const char* name) {
    const bool adam = p.kind != OptimizerKind::sgd, state1 = adam || p.momentum != 0, ema = decay > 0;
    const std::vector<double> numbers = {
        0.5, adam ? 0.271 : 1.0, adam ? 0.0029 : 1.0, first ? 1.0 : 0.0, decay, 0.01, 0.1, 0.003, 0.0};
    const auto buffer = [](std::uint64_t seed, float low = -1) { return parameter(uniform({length}, seed, low, 1)); };
    check({.name = std::string("optimizer_step ") + name,
           .inputs = {buffer(1), buffer(2), buffer(3), buffer(4, 0), buffer(5), parameter(uniform({1}, 6, 100, 101)),
                      parameter(Tensor::from(numbers, {9}, Device::reference))},
           .outputs = {{"parameter", {length}, Kind::parameter},
                       {"state1", {length}, Kind::parameter},
                       {"state2", {length}, Kind::parameter},
                       {"ema", {length}, Kind::parameter}},
           .run = [=, &segments](Backend& b, auto& in, auto& out) {
               out[0].copy_from(in[0]);
               for (std::size_t i = 1; i < 4; ++i) out[i].copy_from(in[i + 1]);
               b.optimizer_step(out[0], {}, in[1], state1 ? out[1] : Tensor(), adam ? out[2] : Tensor(),
                                ema ? out[3] : Tensor(), in[5], in[6], segments, p);
           }});
}

}  // namespace

TEST_CASE("optimizer steps leave elements outside the segments alone") {
    for (const auto& segments : layouts)
        for (const bool first : {false, true}) {
            check_optimizer({.kind = OptimizerKind::sgd}, 0, first, segments, "SGD");
            check_optimizer({.kind = OptimizerKind::sgd, .momentum = 0.9}, 0.99, first, segments,
                            "SGD with momentum and EMA");
            check_optimizer({.kind = OptimizerKind::sgd, .momentum = 0.9, .nesterov = true}, 0, first, segments,
                            "SGD, Nesterov");
            check_optimizer({.kind = OptimizerKind::adam}, 0, first, segments, "Adam");
            check_optimizer({.kind = OptimizerKind::adam, .max_grad_norm = 1}, 0.999, first, segments,
                            "Adam, clipped, EMA");
            check_optimizer({.kind = OptimizerKind::adamw, .max_grad_norm = 1000}, 0, first, segments,
                            "AdamW, not clipped");
        }
}

TEST_CASE("optimizer steps write the parameters in bf16 beside them, and nothing outside the segments") {
    const std::vector<ParameterSegment> segments = {{3, 1000, 0}, {1001, 40000, 0}};
    for (const Device device : computing_devices()) {
        CAPTURE(name(device));
        Backend& b = backend(device);
        const auto make = [&](std::uint64_t seed) { return converted(uniform({length}, seed), Dtype::f32, device); };
        const Tensor parameters = make(1), gradient = make(2), m = make(3),
                     v = converted(uniform({length}, 4, 0, 1), Dtype::f32, device);
        const Tensor rounded = Tensor::empty({length}, Dtype::bf16, device);
        b.fill(rounded, 77);
        const Tensor scalars = Tensor::from(std::vector<float>{1, 0.5f, 0.1f, 0, 0, 0.01f, 0}, {7}, device);
        b.optimizer_step(parameters, rounded, gradient, m, v, {}, {}, scalars, segments, {.kind = OptimizerKind::adam});
        const auto expected = parameters.to_vector<float>();
        const auto actual = rounded.to_vector<bf16>();
        for (std::int64_t i = 0; i < length; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const bool inside = (i >= 3 && i < 1000) || (i >= 1001 && i < 40000);
            if (actual[at].bits != bf16(inside ? expected[at] : 77.0f).bits) {
                FAIL_CHECK("element " << i);
                break;
            }
        }
    }
}

TEST_CASE("the gradient norm is over the segments") {
    for (const auto& segments : layouts)
        check({.name = "grad_norm",
               .inputs = {parameter(uniform({length}, 1))},
               .outputs = {{"norm", {1}, Kind::parameter}},
               .run = [&](Backend& b, auto& in, auto& out) { b.grad_norm(in[0], segments, out[0]); }});
    const std::int64_t million = 3000001;
    const std::vector<ParameterSegment> one = {{0, million, 0}};
    check({.name = "grad_norm of millions",
           .inputs = {parameter(uniform({million}, 1))},
           .outputs = {{"norm", {1}, Kind::parameter}},
           .run = [&](Backend& b, auto& in, auto& out) { b.grad_norm(in[0], one, out[0]); }});
}
