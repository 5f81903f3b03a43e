#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "support/devices.h"
#include "support/golden.h"

/// Backend::optimizer_step and grad_norm against PyTorch's and Keras's optimizers.
using namespace camber;
using namespace camber::testing;
using nlohmann::json;

namespace {

/// Where a golden is replayed.
struct Run {
    Dtype dtype;
    Device device;

    double tolerance = dtype == Dtype::f64 ? 1e-12 : 1e-5;
    Tensor zeros(const Shape& shape) const { return Tensor::zeros(shape, dtype, device); }
    Tensor scalars(std::vector<double> values) const {
        const auto count = static_cast<std::int64_t>(values.size());
        return converted(Tensor::from(values, {count}, Device::reference), dtype, device);
    }
    std::string str() const { return run_name(dtype, device); }
};

std::vector<Run> runs() {
    std::vector<Run> result = {{Dtype::f64, Device::reference}};
    for (const Device device : computing_devices()) result.push_back({Dtype::f32, device});
    return result;
}

const std::map<std::string, OptimizerKind> kinds = {{"sgd", OptimizerKind::sgd},
                                                    {"adam", OptimizerKind::adam},
                                                    {"adamw", OptimizerKind::adamw},
                                                    {"keras_adam", OptimizerKind::adam}};

Tensor row(const Tensor& matrix, std::int64_t index) { return matrix.slice(index * matrix.dim(1), {matrix.dim(1)}); }

void check_optimizer(const GoldenFile& file, const json& golden, const Run& run) {
    const std::string op = golden.at("op");
    OptimizerParams p;
    p.kind = kinds.at(op);
    p.momentum = golden.value("momentum", 0.0);
    p.nesterov = golden.value("nesterov", false);
    p.beta1 = golden.value("beta1", p.beta1);
    p.beta2 = golden.value("beta2", p.beta2);
    const double momentum = p.kind == OptimizerKind::sgd ? p.momentum : p.beta1;
    const double eps = golden.value("eps", p.eps);
    const Tensor parameter = file.read(golden, "param", run.dtype, run.device);
    const Tensor grads = file.read(golden, "grads", run.dtype, run.device), after = file.read(golden, "param_after");
    const bool has_momentum = p.kind != OptimizerKind::sgd || p.momentum > 0;
    const Tensor state1 = has_momentum ? run.zeros(parameter.shape()) : Tensor();
    const Tensor state2 = p.kind != OptimizerKind::sgd ? run.zeros(parameter.shape()) : Tensor();
    const ParameterSegment all[] = {{0, parameter.numel(), 0}};
    for (int t = 1; t <= grads.dim(0); ++t) {
        const double correction1 = 1 - std::pow(p.beta1, t), correction2 = 1 - std::pow(p.beta2, t);
        // Keras adds eps to sqrt(v) before the bias correction.
        p.eps = op == "keras_adam" ? eps / std::sqrt(correction2) : eps;
        backend(run.device)
            .optimizer_step(parameter, {}, row(grads, t - 1), state1, state2, {}, {},
                            run.scalars({1, correction1, correction2, t == 1 ? 1.0 : 0.0, 0, momentum, 1 - momentum,
                                         golden.at("lr"), golden.value("weight_decay", 0.0)}),
                            all, p);
        const Tensor expected = row(after, t - 1);
        INFO(golden.at("name") << " in " << run.str() << ", step " << t << ": "
                               << describe_difference(parameter, expected));
        CHECK(relative_error(parameter, expected) <= run.tolerance);
    }
}

void check_clipping(const GoldenFile& file, const json& golden, const Run& run, double grad_scale) {
    // Plain SGD at learning rate 1 from 0 leaves the negative of the gradient it used.
    std::vector<double> gradient, expected;
    for (const char* role : {"grad0", "grad1"}) {
        for (const double value : values_of(file.read(golden, role))) gradient.push_back(value / grad_scale);
        for (const double value : values_of(file.read(golden, std::string(role) + "_after")))
            expected.push_back(-value);
    }
    const Shape shape{static_cast<std::int64_t>(gradient.size())};
    const Tensor grad = converted(Tensor::from(gradient, shape, Device::reference), run.dtype, run.device);
    const Tensor parameter = run.zeros(shape), norm = run.zeros({});
    const ParameterSegment segments[] = {{0, 3, 0}, {3, shape[0], 0}};
    Backend& device = backend(run.device);
    device.grad_norm(grad, segments, norm);
    INFO(golden.at("name") << " in " << run.str() << ", gradients scaled by " << grad_scale);
    CHECK(norm.item() * grad_scale == doctest::Approx(file.read(golden, "norm").item()).epsilon(run.tolerance * 10));
    device.optimizer_step(parameter, {}, grad, {}, {}, {}, norm, run.scalars({grad_scale, 1, 1, 1, 0, 0, 1, 1, 0}),
                          segments, {.kind = OptimizerKind::sgd, .max_grad_norm = golden.at("max_norm")});
    CHECK(relative_error(parameter, Tensor::from(expected, shape, Device::reference)) <= run.tolerance);
}

void check_average(const GoldenFile& file, const json& golden, const Run& run) {
    const Tensor parameters = file.read(golden, "params", run.dtype, run.device), averages = file.read(golden, "ema");
    const Tensor average = row(parameters, 0).clone(), gradient = run.zeros(average.shape());
    const ParameterSegment all[] = {{0, average.numel(), 0}};
    for (std::int64_t t = 1; t < parameters.dim(0); ++t) {
        // At learning rate 0 the step changes the average alone.
        backend(run.device)
            .optimizer_step(row(parameters, t), {}, gradient, {}, {}, average, {},
                            run.scalars({1, 1, 1, 0, golden.at("decay"), 0, 1, 0, 0}), all,
                            {.kind = OptimizerKind::sgd});
        CAPTURE(run.str());
        CHECK(relative_error(average, row(averages, t)) <= run.tolerance);
    }
}

/// Returns how many cases there were. `digits` bounds the tolerance from below.
int check_file(const std::string& name, double digits) {
    const GoldenFile file(name);
    int checked = 0;
    for (const json& golden : file.cases()) {
        const std::string op = golden.at("op");
        for (Run run : runs()) {
            run.tolerance = std::max(run.tolerance, digits);
            if (kinds.contains(op)) check_optimizer(file, golden, run);
            if (op == "ema") check_average(file, golden, run);
            if (op != "clip_grad_norm") continue;
            check_clipping(file, golden, run, 1);
            check_clipping(file, golden, run, 0.25);  // four accumulated micro-batches
        }
        checked += kinds.contains(op) || op == "ema" || op == "clip_grad_norm";
    }
    return checked;
}

}  // namespace

TEST_CASE("optimizer steps equal PyTorch's") { CHECK(check_file("torch_optim", 0) >= 15); }

// Keras keeps learning rate and betas in f32.
TEST_CASE("optimizer steps equal Keras's") { CHECK(check_file("keras_ops", 1e-7) >= 4); }

TEST_CASE("optimizer steps leave elements outside every segment alone and give each group its numbers") {
    for (const Run& run : runs()) {
        CAPTURE(run.str());
        const Tensor ones =
            converted(Tensor::from(std::vector<double>(9, 1), {9}, Device::reference), run.dtype, run.device);
        const ParameterSegment segments[] = {{1, 4, 0}, {6, 8, 1}};
        for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw}) {
            const Tensor parameter = ones.clone(), average = run.zeros({9}), m = run.zeros({9}), v = run.zeros({9});
            const Tensor norm = run.zeros({});
            backend(run.device).grad_norm(ones, segments, norm);
            CHECK(norm.item() == doctest::Approx(std::sqrt(5.0)));
            // Gradient 1 and learning rate r make the first step r long by every rule (bias-corrected Adam included).
            const bool is_sgd = kind == OptimizerKind::sgd;
            backend(run.device)
                .optimizer_step(parameter, {}, ones, m, is_sgd ? Tensor() : v, average, norm,
                                run.scalars({1, 0.1, 0.001, 1, 0.5, 0.9, 0.1, 0.25, 0, 0.5, 0}), segments,
                                {.kind = kind, .momentum = 0.9});
            const std::vector<double> expected = {1, 0.75, 0.75, 0.75, 1, 1, 0.5, 0.5, 1};
            const std::vector<double> got = values_of(parameter), averaged = values_of(average);
            for (std::size_t i = 0; i < expected.size(); ++i) {
                CAPTURE(i);
                CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-6));
                CHECK(averaged[i] == doctest::Approx(expected[i] == 1 ? 0 : expected[i] / 2).epsilon(1e-6));
            }
        }
    }
}
