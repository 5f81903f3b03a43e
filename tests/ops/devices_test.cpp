#include <doctest/doctest.h>

#include "ops/operation_case.h"
#include "support/autograd.h"
#include "support/compare.h"
#include "support/devices.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// The output, then the gradient of every input.
std::vector<Tensor> forward_and_backward(const OperationCase& c, std::vector<Tensor> inputs) {
    for (Tensor& input : inputs) input.set_requires_grad(true);
    const Tensor output = c.apply(inputs);
    const Tensor gradient = converted(uniform(output.shape(), 99), Dtype::bf16, Device::reference);
    backward_from(output, converted(gradient, output.dtype(), output.device()));
    std::vector<Tensor> results = {output};
    for (const Tensor& input : inputs) results.push_back(input.grad());
    return results;
}

/// Runs the cases in `dtype` on every device and compares with f64 on the reference device. Inputs are rounded to bf16
/// first, so that no difference comes from them.
void check_devices(const std::vector<OperationCase>& cases, Dtype dtype, double tolerance) {
    for (const Device device : computing_devices()) {
        if (!backend(device).why_not_in(dtype).empty()) continue;
        for (const OperationCase& c : cases) {
            std::vector<Tensor> exact, inputs;
            for (std::size_t i = 0; i < c.inputs.size(); ++i) {
                const Tensor rounded = converted(c.inputs[i], Dtype::bf16, Device::reference);
                exact.push_back(converted(rounded, Dtype::f64, Device::reference));
                inputs.push_back(converted(rounded, i < c.activations ? dtype : parameter_dtype(dtype), device));
            }
            const auto expected = forward_and_backward(c, exact), actual = forward_and_backward(c, inputs);
            for (std::size_t i = 0; i < expected.size(); ++i) {
                INFO(c.name << ", " << (i == 0 ? std::string("output") : "gradient of input " + std::to_string(i - 1))
                            << ", " << run_name(dtype, device) << ": " << describe_difference(actual[i], expected[i]));
                CHECK(relative_error(actual[i], expected[i]) <= tolerance);
            }
        }
    }
}

void check_devices(const std::vector<OperationCase>& cases) {
    check_devices(cases, Dtype::f32, 1e-5);
    check_devices(cases, Dtype::bf16, 1e-2);
}

}  // namespace

TEST_CASE("convolutions in f32 and bf16 on every device") { check_devices(conv_cases()); }
TEST_CASE("batch normalisation in f32 and bf16 on every device") { check_devices(norm_cases()); }
TEST_CASE("elementwise operations, softmax and sums in f32 and bf16 on every device") {
    check_devices(elementwise_cases());
}
TEST_CASE("pooling in f32 and bf16 on every device") { check_devices(pool_cases()); }
TEST_CASE("resizing in f32 and bf16 on every device") { check_devices(resize_cases()); }
TEST_CASE("padding, cropping, concatenation and reshaping in f32 and bf16 on every device") {
    check_devices(shape_cases());
}
TEST_CASE("segmentation losses in f32 and bf16 on every device") { check_devices(loss_cases()); }
