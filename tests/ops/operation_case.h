#pragma once
#include <camber/ops.h>

#include <functional>
#include <string>
#include <vector>

#include "support/random.h"

/// The differentiable operations at small, odd and tiny shapes. One table serves the gradient checks and the comparison
/// of devices and dtypes.
namespace camber::testing {

struct OperationCase {
    std::string name;
    std::vector<Tensor> inputs;   ///< f64 on Device::reference
    std::size_t activations = 1;  ///< so many of the inputs are activations, the others parameters
    /// The operation, on the device and in the dtype of what it is given.
    std::function<Tensor(const std::vector<Tensor>&)> apply;
};

std::vector<OperationCase> conv_cases();
std::vector<OperationCase> norm_cases();
std::vector<OperationCase> elementwise_cases();
std::vector<OperationCase> pool_cases();
std::vector<OperationCase> resize_cases();
std::vector<OperationCase> shape_cases();
std::vector<OperationCase> loss_cases();

}  // namespace camber::testing
