#include <doctest/doctest.h>

#include <camber/autograd.h>

#include "backend/backend.h"
#include "ops/operation_case.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// Central differences in f64 with a step of 1e-5 agree to about 1e-9 with a right gradient.
constexpr double tolerance = 1e-7;

void check_gradients(const std::vector<OperationCase>& cases) {
    for (const OperationCase& c : cases) {
        CAPTURE(c.name);
        std::vector<Tensor> inputs;
        for (const Tensor& input : c.inputs) inputs.push_back(leaf(input.clone()));
        CHECK(gradcheck(c.apply, inputs) <= tolerance);
        // Each input alone: the backward step must not depend on the other gradients' being wanted.
        for (std::size_t i = 0; inputs.size() > 1 && i < inputs.size(); ++i) {
            std::vector<Tensor> one;
            for (const Tensor& input : c.inputs) one.push_back(input.clone());
            one[i].set_requires_grad(true);
            CAPTURE(i);
            CHECK(gradcheck(c.apply, one) <= tolerance);
        }
    }
}

}  // namespace

TEST_CASE("gradcheck finds a wrong gradient") {
    const auto twice = [](double claimed) {
        return [claimed](const std::vector<Tensor>& in) {
            NoGrad no_grad;
            Tensor y = ops::scale(in[0], 2);
            record(y, {in[0]}, [claimed](BackwardContext& context) {
                backend(context.grad()).scale(context.grad(), claimed, context.out(0));
            });
            return y;
        };
    };
    CHECK(gradcheck(twice(2), {uniform_leaf({2, 3}, 1)}) <= tolerance);
    CHECK(gradcheck(twice(2.001), {uniform_leaf({2, 3}, 1)}) > 1e-4);
}

TEST_CASE("gradients of convolutions") { check_gradients(conv_cases()); }
TEST_CASE("gradients of batch normalisation") { check_gradients(norm_cases()); }
TEST_CASE("gradients of elementwise operations, softmax and sums") { check_gradients(elementwise_cases()); }
TEST_CASE("gradients of pooling") { check_gradients(pool_cases()); }
TEST_CASE("gradients of resizing") { check_gradients(resize_cases()); }
TEST_CASE("gradients of padding, cropping, concatenation, pixel shuffling and reshaping") {
    check_gradients(shape_cases());
}
TEST_CASE("gradients of segmentation losses") { check_gradients(loss_cases()); }
