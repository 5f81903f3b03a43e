#include "backend/optimizer_cases.h"

#include <doctest/doctest.h>

#include "support/compare.h"
#include "support/devices.h"

using namespace camber;
using namespace camber::testing;

namespace {

const std::vector<Segments> layouts = {
    {{0, 1, 0}},
    {{0, 50000, 0}},
    {{3, 20, 1}, {20, 21, 0}, {37, 40000, 1}, {40016, 49999, 0}},
};
constexpr std::int64_t length = 50000;

}  // namespace

TEST_CASE("optimizer steps leave elements outside the segments alone") {
    for (const Segments& segments : layouts)
        for (const bool first : {false, true}) {
            const auto check_step = [&](const char* what, const OptimizerParams& p, double decay = 0) {
                check(optimizer_step(what, length, segments, p, decay, first));
            };
            check_step("SGD", {.kind = OptimizerKind::sgd});
            check_step("SGD with momentum and EMA", {.kind = OptimizerKind::sgd, .momentum = 0.9}, 0.99);
            check_step("SGD, Nesterov", {.kind = OptimizerKind::sgd, .momentum = 0.9, .nesterov = true});
            check_step("Adam", {.kind = OptimizerKind::adam});
            check_step("Adam, clipped, EMA", {.kind = OptimizerKind::adam, .max_grad_norm = 1}, 0.999);
            check_step("AdamW, not clipped", {.kind = OptimizerKind::adamw, .max_grad_norm = 1000});
        }
}

TEST_CASE("optimizer steps write the parameters in bf16 beside them, and nothing outside the segments") {
    const Segments segments = {{3, 1000, 0}, {1001, 40000, 0}};
    for (const Device device : computing_devices()) {
        CAPTURE(name(device));
        Backend& b = backend(device);
        const auto make = [&](std::uint64_t seed) { return converted(uniform({length}, seed), Dtype::f32, device); };
        const Tensor parameters = make(1), gradient = make(2), m = make(3),
                     v = converted(uniform({length}, 4, 0, 1), Dtype::f32, device);
        const Tensor rounded = Tensor::empty({length}, Dtype::bf16, device);
        b.fill(rounded, 77);
        const Tensor scalars = Tensor::from(std::vector<float>{1, 0.5f, 0.1f, 0, 0, 0.9f, 0.1f, 0.01f, 0}, {9}, device);
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
    for (const Segments& segments : layouts) check(gradient_norm(length, segments));
    check(gradient_norm(3000001, {{0, 3000001, 0}}));
}
