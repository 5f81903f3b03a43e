#include <camber/optim.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "backend/backend.h"

namespace camber {
namespace {

/// Elements exchanged at a time by swap_ema(): 4 MB of f32.
constexpr std::int64_t swap_piece = std::int64_t{1} << 20;

template <class... Cases>
struct Match : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Match(Cases...) -> Match<Cases...>;

void check_range(const char* what, double value, double low, double high, bool high_allowed) {
    if (value >= low && (value < high || (high_allowed && value == high))) return;  // false for NaN
    fail_usage("optimizer: {} must be at least {} and {} {}, not {}", what, low, high_allowed ? "at most" : "below",
               high, value);
}

void check_not_negative(const char* what, double value) {
    if (!(value >= 0) || !std::isfinite(value)) {
        fail_usage("optimizer: {} must be a number that is not negative, not {}", what, value);
    }
}

void check(const ParameterGroup& group) {
    check_not_negative("a group's lr_multiplier", group.lr_multiplier);
    check_not_negative("weight decay", group.weight_decay);
}

/// The backend's form of the configuration, checked.
OptimizerParams backend_params(const OptimizerConfig& config) {
    check_not_negative("max_grad_norm", config.max_grad_norm);
    check_range("ema_decay", config.ema_decay, 0, 1, false);
    OptimizerParams params;
    params.max_grad_norm = config.max_grad_norm;
    const auto adam = [&](OptimizerKind kind, double beta1, double beta2, double eps) {
        check_range("beta1", beta1, 0, 1, false);
        check_range("beta2", beta2, 0, 1, false);
        check_not_negative("eps", eps);
        params.kind = kind;
        params.beta1 = beta1;
        params.beta2 = beta2;
        params.eps = eps;
    };
    std::visit(Match{
                   [&](const Sgd& sgd) {
                       check_range("momentum", sgd.momentum, 0, 1, false);
                       if (sgd.nesterov && sgd.momentum == 0) {
                           fail_usage("optimizer: Nesterov's step needs a momentum above 0");
                       }
                       params.kind = OptimizerKind::sgd;
                       params.momentum = sgd.momentum;
                       params.nesterov = sgd.nesterov;
                   },
                   [&](const Adam& a) { adam(OptimizerKind::adam, a.beta1, a.beta2, a.eps); },
                   [&](const AdamW& a) { adam(OptimizerKind::adamw, a.beta1, a.beta2, a.eps); },
               },
               config.rule);
    return params;
}

}  // namespace

struct Optimizer::State {
    Tensor parameters, gradients;
    std::vector<ParameterRange> ranges;  // by position
    std::vector<ParameterGroup> groups;
    OptimizerConfig config;
    OptimizerParams params;

    Tensor m, v, ema;  // undefined when unused
    Tensor norm;       // one element, of the raw gradient
    Tensor scalars;    // step_scalar, of the parameters' dtype
    std::vector<double> host_scalars;
    std::vector<float> f32_scalars;  // host_scalars rounded
    Tensor step;  // i32 [1] in host memory, so that loading a checkpoint restores it like any other state
    std::vector<ParameterSegment> segments;
    Tensor scratch;  // for swap_ema
    bool swapped = false;

    std::int32_t& steps() const { return *step.data<std::int32_t>(); }
    /// A step keeps a bf16 copy as fresh as it was.
    void mark_stepped() const {
        Storage& storage = parameters.storage();
        const bool fresh = storage.rounded_is_fresh();
        storage.bump_version();
        if (fresh) storage.mark_rounded();
    }
    void check_ranges();
    void build_segments();
};

void Optimizer::State::check_ranges() {
    std::sort(ranges.begin(), ranges.end(),
              [](const ParameterRange& a, const ParameterRange& b) { return a.begin < b.begin; });
    std::set<std::string> names;
    std::int64_t reached = 0;
    for (const ParameterRange& range : ranges) {
        if (!names.insert(range.name).second) fail_usage("optimizer: two parameters are called '{}'", range.name);
        if (range.group < 0 || static_cast<std::size_t>(range.group) >= groups.size()) {
            fail_usage("optimizer: parameter '{}' is of group {}, but there are {} groups", range.name, range.group,
                       groups.size());
        }
        if (range.begin < 0 || range.begin > parameters.numel() - range.shape.numel()) {
            fail_usage("optimizer: parameter '{}' takes elements {} to {} of a buffer of {}", range.name, range.begin,
                       range.begin + range.shape.numel(), parameters.numel());
        }
        if (range.begin < reached) fail_usage("optimizer: parameter '{}' overlaps the one before it", range.name);
        reached = range.begin + range.shape.numel();
    }
}

/// Neighbours of one group become one segment, so that the backend makes few and long sweeps.
void Optimizer::State::build_segments() {
    segments.clear();
    bool continues = false;
    for (const ParameterRange& range : ranges) {
        if (range.shape.numel() == 0) continue;
        const std::int64_t end = range.begin + range.shape.numel();
        if (groups[static_cast<std::size_t>(range.group)].frozen) {
            continues = false;
        } else if (continues && segments.back().group == range.group) {
            segments.back().end = end;
        } else {
            segments.push_back({range.begin, end, range.group});
            continues = true;
        }
    }
}

Optimizer::Optimizer(Tensor parameters, Tensor gradients, std::vector<ParameterRange> ranges,
                     std::vector<ParameterGroup> groups, OptimizerConfig config)
    : state_(std::make_unique<State>()) {
    State& s = *state_;
    s.parameters = std::move(parameters);
    s.gradients = std::move(gradients);
    s.ranges = std::move(ranges);
    s.groups = std::move(groups);
    s.config = config;
    s.params = backend_params(config);
    for (const ParameterGroup& group : s.groups) check(group);
    if (!s.parameters || !s.gradients) fail_usage("optimizer: it needs both parameters and gradients");
    const Device device = s.parameters.device();
    const Dtype dtype = s.parameters.dtype();
    if (s.gradients.numel() != s.parameters.numel() || s.gradients.dtype() != dtype || s.gradients.device() != device ||
        (dtype != Dtype::f32 && dtype != Dtype::f64)) {
        fail_usage("optimizer: parameters {} {} on {} and gradients {} {} on {} do not go together",
                   camber::name(dtype), s.parameters.shape().str(), camber::name(device),
                   camber::name(s.gradients.dtype()), s.gradients.shape().str(), camber::name(s.gradients.device()));
    }
    s.check_ranges();
    s.build_segments();

    const Shape flat{s.parameters.numel()};
    if (s.params.kind != OptimizerKind::sgd || s.params.momentum > 0) s.m = Tensor::zeros(flat, dtype, device);
    if (s.params.kind != OptimizerKind::sgd) s.v = Tensor::zeros(flat, dtype, device);
    if (config.max_grad_norm > 0) s.norm = Tensor::zeros({1}, dtype, device);
    s.host_scalars.resize(static_cast<std::size_t>(step_scalar::groups) + 2 * s.groups.size());
    s.scalars = Tensor::zeros({static_cast<std::int64_t>(s.host_scalars.size())}, dtype, device);
    s.step = Tensor::zeros({1}, Dtype::i32, Device::cpu);
    if (config.ema_decay > 0) {
        s.ema = Tensor::empty(flat, dtype, device);
        s.ema.copy_from(s.parameters);
        s.scratch = Tensor::empty({std::min(flat.numel(), swap_piece)}, dtype, device);
    }
}

Optimizer::~Optimizer() = default;

void Optimizer::step(double lr, double grad_scale) {
    prepare_step(lr, grad_scale);
    launch_step();
}

void Optimizer::prepare_step(double lr, double grad_scale) {
    State& s = *state_;
    check_not_negative("the learning rate", lr);
    if (!std::isfinite(grad_scale)) fail_usage("optimizer: grad_scale must be a finite number, not {}", grad_scale);
    if (s.swapped) fail_usage("optimizer: cannot step while the parameters are exchanged for their averages");
    const double t = ++s.steps();

    const auto set = [&](std::size_t index, double value) { s.host_scalars[index] = value; };
    set(step_scalar::grad_scale, grad_scale);
    // 1 - beta^t by way of expm1: the difference would lose digits while beta^t is near 1.
    const double momentum = s.params.kind == OptimizerKind::sgd ? s.params.momentum : s.params.beta1;
    set(step_scalar::momentum, momentum);
    set(step_scalar::rest, 1 - momentum);
    set(step_scalar::bias_correction1, -std::expm1(t * std::log(s.params.beta1)));
    set(step_scalar::bias_correction2, -std::expm1(t * std::log(s.params.beta2)));
    set(step_scalar::first_step, t == 1 ? 1 : 0);
    const double decay = s.config.ema_decay;
    set(step_scalar::ema_decay, s.config.ema_warmup ? std::min(decay, (1 + t) / (10 + t)) : decay);
    for (std::size_t i = 0; i < s.groups.size(); ++i) {
        set(step_scalar::groups + 2 * i, lr * s.groups[i].lr_multiplier);
        set(step_scalar::groups + 2 * i + 1, s.groups[i].weight_decay);
    }
    const void* numbers = s.host_scalars.data();
    if (s.scalars.dtype() == Dtype::f32) {
        s.f32_scalars.assign(s.host_scalars.begin(), s.host_scalars.end());
        numbers = s.f32_scalars.data();
    }
    device_memory(s.scalars.device()).copy_from_host(s.scalars.raw(), numbers, s.scalars.bytes());
    s.mark_stepped();  // a replayed capture does not come through launch_step()
}

void Optimizer::set_momentum(double momentum) {
    OptimizerParams& params = state_->params;
    check_range("momentum", momentum, 0, 1, false);
    if (params.kind != OptimizerKind::sgd) {
        params.beta1 = momentum;
        return;
    }
    if (params.momentum == 0 || momentum == 0) fail_usage("optimizer: SGD begins with momentum, or never has one");
    params.momentum = momentum;
}

void Optimizer::launch_step() {
    State& s = *state_;
    if (s.segments.empty()) return;
    Backend& device = backend(s.parameters);
    if (Storage& storage = s.parameters.storage(); storage.rounded() && !storage.rounded_is_fresh()) {
        storage.mark_rounded();
        device.cast(s.parameters, s.parameters.rounded());
    }
    if (s.config.max_grad_norm > 0) device.grad_norm(s.gradients, s.segments, s.norm);
    device.optimizer_step(s.parameters, s.parameters.rounded(), s.gradients, s.m, s.v, s.ema, s.norm, s.scalars,
                          s.segments, s.params);
    s.mark_stepped();
}

std::int64_t Optimizer::steps() const { return state_->steps(); }

double Optimizer::grad_norm() const {
    const State& s = *state_;
    if (!s.norm) return 0;
    return s.norm.item() * std::abs(s.host_scalars[step_scalar::grad_scale]);
}

std::vector<NamedTensor> Optimizer::state() const {
    const State& s = *state_;
    if (s.swapped) fail("optimizer: its state cannot be had while the parameters are exchanged for their averages");
    std::vector<NamedTensor> tensors;
    for (const auto& [prefix, flat] :
         {std::pair<const char*, Tensor>{"optim.m.", s.m}, {"optim.v.", s.v}, {"ema.", s.ema}}) {
        if (!flat) continue;
        for (const ParameterRange& range : s.ranges) {
            tensors.push_back({prefix + range.name, flat.slice(range.begin, range.shape)});
        }
    }
    tensors.push_back({"optim.step", s.step});
    return tensors;
}

bool Optimizer::has_ema() const { return state_->ema.defined(); }

void Optimizer::swap_ema() {
    State& s = *state_;
    if (!s.ema) fail("optimizer: there is no average of the parameters (ema_decay is 0)");
    for (std::int64_t begin = 0; begin < s.parameters.numel(); begin += swap_piece) {
        const Shape piece{std::min(swap_piece, s.parameters.numel() - begin)};
        const Tensor parameters = s.parameters.slice(begin, piece), average = s.ema.slice(begin, piece);
        const Tensor scratch = s.scratch.slice(0, piece);
        scratch.copy_from(parameters);
        parameters.copy_from(average);
        average.copy_from(scratch);
    }
    s.swapped = !s.swapped;
}

}  // namespace camber
