#include <camber/checkpoint.h>
#include <camber/optim.h>
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "support/devices.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;
using nlohmann::json;

namespace {

struct Run {
    Device device;
    Dtype dtype;
    /// Bound on |parameter - PyTorch's| for parameters of about 1 after a few steps.
    double tolerance = dtype == Dtype::f64 ? 1e-12 : 1e-6;

    Tensor make(const std::vector<double>& values) const {
        return converted(Tensor::from(values, {static_cast<std::int64_t>(values.size())}, Device::reference), dtype,
                         device);
    }
};

void for_each_run(const std::function<void(const Run&)>& body) {
    const auto run = [&](const Run& r) {
        CAPTURE(std::string(name(r.device)));
        CAPTURE(std::string(name(r.dtype)));
        body(r);
    };
    run({Device::reference, Dtype::f64});
    for (const Device device : computing_devices()) run({device, Dtype::f32});
}

double largest_difference(const Tensor& actual, const std::vector<double>& expected) {
    const std::vector<double> values = values_of(actual);
    REQUIRE(values.size() == expected.size());
    double largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double difference = std::abs(values[i] - expected[i]);
        largest = difference <= largest ? largest : difference;  // NaN is the largest
    }
    return largest;
}

std::vector<double> row(const Tensor& matrix, std::int64_t index) {
    return values_of(matrix.slice(index * matrix.dim(1), {matrix.dim(1)}));
}

OptimizerRule rule_of(const json& golden) {
    if (golden.at("op") == "sgd") return Sgd{golden.at("momentum"), golden.at("nesterov")};
    if (golden.at("op") == "adam") return Adam{golden.at("beta1"), golden.at("beta2"), golden.at("eps")};
    return AdamW{golden.at("beta1"), golden.at("beta2"), golden.at("eps")};
}

/// Parameters and gradients of `count` elements, and an optimizer of them.
struct Problem {
    Tensor parameters, gradients;
    Optimizer optimizer;

    Problem(const Run& run, std::int64_t count, std::vector<ParameterRange> ranges, std::vector<ParameterGroup> groups,
            const OptimizerConfig& config)
        : parameters(converted(uniform({count}, 1), run.dtype, run.device)),
          gradients(converted(uniform({count}, 2), run.dtype, run.device)),
          optimizer(parameters, gradients, std::move(ranges), std::move(groups), config) {}
    void set_gradients(std::uint64_t seed) const {
        gradients.copy_from(converted(uniform(gradients.shape(), seed), gradients.dtype(), gradients.device()));
    }
};

const ParameterGroup plain{};

}  // namespace

TEST_CASE("optimizers follow PyTorch's") {
    const GoldenFile file("torch_optim");
    int cases = 0;
    for (const json& golden : file.cases()) {
        const std::string op = golden.at("op");
        if (op != "sgd" && op != "adam" && op != "adamw") continue;
        ++cases;
        CAPTURE(golden.at("name").get<std::string>());
        const Tensor grads = file.read(golden, "grads"), after = file.read(golden, "param_after");
        for_each_run([&](const Run& run) {
            const Tensor parameters = file.read(golden, "param", run.dtype, run.device);
            const Tensor gradients = Tensor::zeros(parameters.shape(), run.dtype, run.device);
            Optimizer optimizer(parameters, gradients, {{"w", 0, parameters.shape()}},
                                {{.weight_decay = golden.at("weight_decay")}}, {.rule = rule_of(golden)});
            for (std::int64_t t = 0; t < grads.dim(0); ++t) {
                gradients.copy_from(run.make(row(grads, t)));
                const auto version = parameters.storage().version();
                optimizer.step(golden.at("lr"));
                CHECK(parameters.storage().version() > version);
                CHECK(largest_difference(parameters, row(after, t)) < run.tolerance);
            }
            CHECK(optimizer.steps() == grads.dim(0));
        });
    }
    CHECK(cases == 11);
}

TEST_CASE("momentum that changes between steps gives PyTorch's") {
    const GoldenFile file("torch_optim");
    int cases = 0;
    for (const json& golden : file.cases()) {
        if (golden.at("op") != "moving_momentum") continue;
        ++cases;
        const Tensor grads = file.read(golden, "grads"), after = file.read(golden, "param_after");
        const OptimizerRule rule = golden.at("rule") == "sgd" ? OptimizerRule(Sgd{}) : AdamW{.beta2 = 0.99};
        for_each_run([&](const Run& run) {
            const Tensor parameters = file.read(golden, "param", run.dtype, run.device);
            const Tensor gradients = Tensor::zeros(parameters.shape(), run.dtype, run.device);
            Optimizer optimizer(parameters, gradients, {{"w", 0, parameters.shape()}}, {plain}, {.rule = rule});
            for (std::int64_t t = 0; t < grads.dim(0); ++t) {
                gradients.copy_from(run.make(row(grads, t)));
                optimizer.set_momentum(golden.at("momenta").at(static_cast<std::size_t>(t)));
                optimizer.step(golden.at("lr"));
                CHECK(largest_difference(parameters, row(after, t)) < run.tolerance);
            }
        });
    }
    CHECK(cases == 2);
}

TEST_CASE("gradients are clipped as PyTorch clips them, also when accumulated") {
    const GoldenFile file("torch_optim");
    int cases = 0;
    for (const json& golden : file.cases()) {
        if (golden.at("op") != "clip_grad_norm") continue;
        ++cases;
        CAPTURE(golden.at("name").get<std::string>());
        std::vector<double> grads = values_of(file.read(golden, "grad0")),
                            after = values_of(file.read(golden, "grad0_after"));
        const std::vector<double> grad1 = values_of(file.read(golden, "grad1")),
                                  after1 = values_of(file.read(golden, "grad1_after"));
        grads.insert(grads.end(), 3, 0.0);  // a gap between the parameters
        after.insert(after.end(), 3, 0.0);
        grads.insert(grads.end(), grad1.begin(), grad1.end());
        after.insert(after.end(), after1.begin(), after1.end());
        const double norm = values_of(file.read(golden, "norm"))[0];
        for_each_run([&](const Run& run) {
            for (const double accumulated : {1.0, 4.0}) {
                CAPTURE(accumulated);
                std::vector<double> sums = grads, expected = after;
                for (double& x : sums) x *= accumulated;
                for (double& x : expected) x = -x;
                const Tensor parameters = run.make(std::vector<double>(grads.size(), 0.0));
                Optimizer optimizer(parameters, run.make(sums), {{"a", 0, {5}}, {"b", 8, {2, 3}}}, {plain},
                                    {.rule = Sgd{.momentum = 0}, .max_grad_norm = golden.at("max_norm")});
                optimizer.step(1, 1 / accumulated);
                const double scale = std::max(1.0, norm);
                CHECK(largest_difference(parameters, expected) < run.tolerance * scale);
                CHECK(optimizer.grad_norm() == doctest::Approx(norm).epsilon(run.tolerance));
            }
        });
    }
    CHECK(cases == 3);
}

TEST_CASE("the average of the weights follows PyTorch's") {
    const GoldenFile file("torch_optim");
    int cases = 0;
    for (const json& golden : file.cases()) {
        if (golden.at("op") != "ema") continue;
        ++cases;
        const Tensor params = file.read(golden, "params"), ema = file.read(golden, "ema");
        for_each_run([&](const Run& run) {
            const Tensor parameters = run.make(row(params, 0)), gradients = run.make(row(params, 0));
            Optimizer optimizer(parameters, gradients, {{"w", 0, parameters.shape()}}, {plain},
                                {.rule = Sgd{.momentum = 0}, .ema_decay = golden.at("decay"), .ema_warmup = false});
            for (std::int64_t t = 1; t < params.dim(0); ++t) {
                std::vector<double> way = values_of(parameters);
                const std::vector<double> target = row(params, t);
                for (std::size_t i = 0; i < way.size(); ++i) way[i] -= target[i];
                gradients.copy_from(run.make(way));
                optimizer.step(1);  // now the parameters are row t
                {
                    const EmaScope averages(optimizer);
                    CHECK(largest_difference(parameters, row(ema, t)) < run.tolerance);
                }
                CHECK(largest_difference(parameters, target) < run.tolerance);
            }
        });
    }
    CHECK(cases == 1);
}

TEST_CASE("the average's decay grows as (1 + t) / (10 + t) at first") {
    for_each_run([&](const Run& run) {
        Problem problem(run, 3, {{"w", 0, {3}}}, {plain}, {.rule = Sgd{.momentum = 0}, .ema_decay = 0.25});
        std::vector<double> expected = values_of(problem.parameters);
        for (int t = 1; t <= 4; ++t) {
            problem.optimizer.step(0.1);
            const double decay = std::min(0.25, (1.0 + t) / (10.0 + t));
            const std::vector<double> now = values_of(problem.parameters);
            for (std::size_t i = 0; i < 3; ++i) expected[i] = decay * expected[i] + (1 - decay) * now[i];
            const EmaScope averages(problem.optimizer);
            CHECK(largest_difference(problem.parameters, expected) < run.tolerance);
        }
    });
}

TEST_CASE("groups have their own rate and decay, and frozen ones stay as they are and out of the norm") {
    for_each_run([&](const Run& run) {
        const std::vector<ParameterGroup> groups = {{"a", 1, 0.1, false}, {"b", 0.5, 0, false}, {"c", 1, 0.1, true}};
        const std::vector<ParameterRange> ranges = {{"w0", 0, {4}, 0},  {"w1", 4, {3}, 0},     {"w2", 7, {5}, 1},
                                                    {"w3", 12, {2}, 2}, {"w4", 16, {2, 2}, 0}, {"w5", 20, {1}, 1}};
        const OptimizerConfig config{.rule = Adam{}, .max_grad_norm = 1e9, .ema_decay = 0.5};
        Problem problem(run, 24, ranges, groups, config);
        const std::vector<double> before = values_of(problem.parameters), gradients = values_of(problem.gradients);
        std::vector<double> expected = before;
        double squares = 0;
        for (const ParameterRange& range : ranges) {
            const ParameterGroup& group = groups[static_cast<std::size_t>(range.group)];
            if (group.frozen) continue;
            for (std::int64_t j = 0; j < range.shape.numel(); ++j) {
                const auto i = static_cast<std::size_t>(range.begin + j);
                const double g = gradients[i] + group.weight_decay * before[i];
                squares += gradients[i] * gradients[i];
                expected[i] -= 0.01 * group.lr_multiplier * g / (std::abs(g) + 1e-8);  // Adam's first step
            }
        }
        problem.optimizer.step(0.01);
        const std::vector<double> after = values_of(problem.parameters);
        for (const std::size_t gap : {14u, 15u, 21u, 22u, 23u}) CHECK(after[gap] == before[gap]);
        CHECK(largest_difference(problem.parameters, expected) < run.tolerance);
        CHECK(problem.optimizer.grad_norm() == doctest::Approx(std::sqrt(squares)).epsilon(1e-5));
    });
}

TEST_CASE("a step allocates nothing") {
    for_each_run([&](const Run& run) {
        Problem problem(run, 1000, {{"w", 0, {1000}}}, {plain}, {.max_grad_norm = 1, .ema_decay = 0.9});
        problem.optimizer.step(0.1);
        const auto before = device_memory(run.device).stats();
        for (int i = 0; i < 3; ++i) problem.optimizer.step(0.1);
        const auto after = device_memory(run.device).stats();
        CHECK(after.allocations == before.allocations);
        // A backend may ask the caching allocator for room to reduce in; the optimizer itself asks for nothing.
        if (run.device == Device::reference) CHECK(after.requests == before.requests);
    });
}

TEST_CASE("an optimizer restored from a checkpoint goes on bit for bit") {
    const TemporaryFolder folder;
    const std::vector<ParameterRange> ranges = {{"conv.weight", 0, {2, 3, 1, 2}}, {"conv.bias", 12, {2}}};
    for (const OptimizerRule& rule : {OptimizerRule(Sgd{.momentum = 0.9, .nesterov = true}), OptimizerRule(AdamW{})}) {
        CAPTURE(rule.index());
        for_each_run([&](const Run& run) {
            const OptimizerConfig config{.rule = rule, .max_grad_norm = 1, .ema_decay = 0.9};
            const auto train = [](Problem& problem, std::uint64_t from, std::uint64_t to) {
                for (std::uint64_t t = from; t < to; ++t) {
                    problem.set_gradients(100 + t);
                    problem.optimizer.step(0.01);
                }
            };
            Problem whole(run, 14, ranges, {{.weight_decay = 0.1}}, config);
            Problem first(run, 14, ranges, {{.weight_decay = 0.1}}, config);
            Problem second(run, 14, ranges, {{.weight_decay = 0.1}}, config);
            train(whole, 0, 5);
            train(first, 0, 3);
            Checkpoint checkpoint;
            checkpoint.add("", first.optimizer.state());
            save_checkpoint(folder / "a", checkpoint);
            second.parameters.copy_from(first.parameters);
            CheckpointFile::open(folder / "a").load("", second.optimizer.state());
            CHECK(second.optimizer.steps() == 3);
            train(second, 3, 5);
            CHECK(values_of(second.parameters) == values_of(whole.parameters));
            const std::vector<NamedTensor> a = second.optimizer.state(), b = whole.optimizer.state();
            REQUIRE(a.size() == b.size());
            for (std::size_t i = 0; i < a.size(); ++i) CHECK(values_of(a[i].tensor) == values_of(b[i].tensor));
        });
    }
}

TEST_CASE("the state has the names and shapes that checkpoints promise") {
    Problem problem({Device::reference, Dtype::f32}, 18, {{"b", 12, {2}}, {"w", 0, {2, 3, 1, 2}}}, {plain},
                    {.rule = AdamW{}, .ema_decay = 0.9});
    std::string text;
    for (const NamedTensor& named : problem.optimizer.state()) text += named.name + named.tensor.shape().str() + " ";
    CHECK(text ==
          "optim.m.w[2, 3, 1, 2] optim.m.b[2] optim.v.w[2, 3, 1, 2] optim.v.b[2] ema.w[2, 3, 1, 2] ema.b[2] "
          "optim.step[1] ");
    Problem simple({Device::reference, Dtype::f32}, 2, {{"w", 0, {2}}}, {plain}, {.rule = Sgd{.momentum = 0}});
    CHECK(simple.optimizer.state().size() == 1);

    // Averages start from the weights.
    const std::vector<NamedTensor> state = problem.optimizer.state();
    CHECK(values_of(state[4].tensor) == values_of(problem.parameters.slice(0, {12})));
    problem.optimizer.swap_ema();
    CHECK_THROWS_AS(problem.optimizer.state(), Error);
    CHECK_THROWS_AS(problem.optimizer.step(0.1), UsageError);
    problem.optimizer.swap_ema();
    CHECK_NOTHROW(problem.optimizer.step(0.1));
    CHECK_THROWS_AS(simple.optimizer.swap_ema(), Error);
}

TEST_CASE("averages of more than one piece are exchanged whole") {
    const std::int64_t count = (std::int64_t{2} << 20) + 3;
    Problem problem({Device::reference, Dtype::f32}, count, {{"w", 0, {count}}}, {plain},
                    {.rule = Sgd{.momentum = 0}, .ema_decay = 0.5});
    const std::vector<float> start = problem.parameters.to_vector<float>();
    problem.parameters.copy_from(Tensor::zeros({count}, Dtype::f32, Device::reference));
    problem.optimizer.swap_ema();
    CHECK(problem.parameters.to_vector<float>() == start);
    problem.optimizer.swap_ema();
    CHECK(problem.parameters.to_vector<float>() == std::vector<float>(static_cast<std::size_t>(count)));
}

TEST_CASE("what makes no sense is refused by name") {
    const Tensor w = Tensor::zeros({10}, Dtype::f32, Device::reference), g = w.clone();
    const auto refusal = [&](std::vector<ParameterRange> ranges, ParameterGroup group = {}, OptimizerConfig config = {},
                             Tensor gradients = {}) {
        return error_of(
            [&] { Optimizer(w, gradients ? gradients : g, std::move(ranges), {std::move(group)}, config); });
    };
    CHECK(refusal({{"a", 0, {5}}, {"b", 5, {5}}}) == "");
    CHECK(refusal({{"a", 0, {6}}, {"b", 5, {5}}}) == "optimizer: parameter 'b' overlaps the one before it");
    CHECK(refusal({{"a", 5, {6}}}) == "optimizer: parameter 'a' takes elements 5 to 11 of a buffer of 10");
    CHECK(refusal({{"a", -1, {6}}}) == "optimizer: parameter 'a' takes elements -1 to 5 of a buffer of 10");
    CHECK(refusal({{"a", 0, {5}, 1}}) == "optimizer: parameter 'a' is of group 1, but there are 1 groups");
    CHECK(refusal({{"a", 0, {5}}, {"a", 5, {5}}}) == "optimizer: two parameters are called 'a'");
    CHECK(refusal({}, {.weight_decay = -1}).find("weight decay") != std::string::npos);
    CHECK(refusal({}, {.lr_multiplier = std::nan("")}).find("lr_multiplier") != std::string::npos);
    CHECK(refusal({}, {}, {.rule = Sgd{.momentum = 1}}) == "optimizer: momentum must be at least 0 and below 1, not 1");
    CHECK(refusal({}, {}, {.rule = Sgd{.momentum = 0, .nesterov = true}}).find("Nesterov") != std::string::npos);
    CHECK(refusal({}, {}, {.rule = Adam{.beta1 = 1.5}}).find("beta1") != std::string::npos);
    CHECK(refusal({}, {}, {.rule = AdamW{.beta2 = -0.1}}).find("beta2") != std::string::npos);
    CHECK(refusal({}, {}, {.rule = AdamW{.eps = -1}}).find("eps") != std::string::npos);
    CHECK(refusal({}, {}, {.max_grad_norm = -1}).find("max_grad_norm") != std::string::npos);
    CHECK(refusal({}, {}, {.ema_decay = 1}).find("ema_decay") != std::string::npos);
    CHECK(refusal({}, {}, {}, Tensor::zeros({9}, Dtype::f32, Device::reference)).find("do not go together") !=
          std::string::npos);

    CHECK_THROWS_AS(Optimizer(w, g, {{"a", 5, {6}}}), UsageError);
    Optimizer optimizer(w, g, {{"a", 0, {10}}});
    CHECK_THROWS_AS(optimizer.step(-1), UsageError);
    CHECK_THROWS_AS(optimizer.step(std::nan("")), UsageError);
    CHECK_THROWS_AS(optimizer.step(1, std::nan("")), UsageError);
    CHECK(optimizer.steps() == 0);
}
