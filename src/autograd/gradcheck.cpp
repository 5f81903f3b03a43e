#include <camber/autograd.h>
#include <camber/philox.h>

#include <algorithm>
#include <cmath>

#include "backend/backend.h"

namespace camber {
namespace {

/// sum_i weight_i * output_i as a recorded scalar.
Tensor weighted_sum(const Tensor& output, std::uint64_t seed) {
    Philox random({seed, Stream::init, 0});
    std::vector<double> values(static_cast<std::size_t>(output.numel()));
    for (double& value : values) value = random.uniform(-1.0f, 1.0f);
    const Tensor weights = Tensor::from(values, output.shape(), output.device());
    double total = 0;
    for (std::size_t i = 0; i < values.size(); ++i) total += values[i] * output.data<const double>()[i];
    Tensor result = Tensor::from(std::vector<double>{total}, Shape{}, output.device());
    if (needs_grad({&output})) {
        record(result, {output}, [weights](BackwardContext& context) {
            backend(weights).scale(weights, context.grad().item(), context.out(0));
        });
    }
    return result;
}

}  // namespace

double gradcheck(const std::function<Tensor(const std::vector<Tensor>&)>& function, std::vector<Tensor> inputs,
                 double eps, std::uint64_t seed) {
    for (const Tensor& input : inputs) zero_grad(input);
    backward(weighted_sum(function(inputs), seed));
    const NoGrad no_grad;
    double worst = 0;
    for (const Tensor& input : inputs) {
        if (!input.requires_grad()) continue;
        const Tensor gradient = input.grad();
        if (!gradient) fail("gradcheck: an input of shape {} got no gradient", input.shape().str());
        for (std::int64_t i = 0; i < input.numel(); ++i) {
            double& element = input.data<double>()[i];
            const double value = element;
            const auto loss_at = [&](double x) {
                element = x;
                input.storage().bump_version();
                return weighted_sum(function(inputs), seed).item();
            };
            const double numeric = (loss_at(value + eps) - loss_at(value - eps)) / (2 * eps);
            element = value;
            const double analytic = gradient.data<const double>()[i];
            worst = std::max(worst, std::abs(analytic - numeric) / std::max(1.0, std::abs(numeric)));
        }
    }
    return worst;
}

}  // namespace camber
