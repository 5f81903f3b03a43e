#include "inference/program.h"

namespace camber::inference {
namespace {

/// Elements between places in the block: a cache line of f32, two of bf16.
constexpr std::int64_t alignment = 64;

/// A GPU's batch normalisation does ReLU, addition and pooling in its own pass and stores into a concatenation, which
/// its convolutions do not: there, the layers' calls.
std::vector<Step> steps_of(const Trace& trace, const Backend& device) {
    return is_host(device.device()) ? fuse(trace, device) : std::vector<Step>(trace.calls.begin(), trace.calls.end());
}

}  // namespace

Program::Program(nn::Module& net, const Shape& input, Dtype dtype, Device device, KeptWeights& kept)
    : device_(backend(device)), trace_(trace(net, input, dtype)), steps_(steps_of(trace_, device_)) {
    trace_.calls.clear();
    plan();
    for (const Step& step : steps_) {
        const auto* convolution = std::get_if<Convolution>(&step);
        convolutions_.push_back(convolution ? device_.prepare(convolution->layer, convolution->operands, kept)
                                            : nullptr);
    }
}

void Program::plan() {
    const auto is_outside = [&](const Tensor& t) {
        return &t.storage() == &trace_.input.storage() || &t.storage() == &trace_.output.storage();
    };
    for (std::size_t i = 0; i < steps_.size(); ++i)
        for (const Tensor& activation : activations_of(steps_[i])) {
            if (is_outside(activation)) continue;
            if (activation.dtype() != trace_.input.dtype()) fail("activations are of several types");
            const auto [position, is_new] = buffers_.try_emplace(&activation.storage(), lifetimes_.size());
            const auto elements = static_cast<std::int64_t>(activation.storage().bytes() / size_of(activation.dtype()));
            if (is_new) lifetimes_.push_back({elements, i, i});
            lifetimes_[position->second].last = i;
        }
    plan_ = place(lifetimes_, alignment);
    block_ = Tensor::empty({plan_.size}, trace_.input.dtype(), device_.device());
}

Tensor Program::placed(const Tensor& activation) const {
    if (!activation || activation.device() != Device::meta) return activation;
    const Storage* const storage = &activation.storage();
    const std::int64_t within =
        (static_cast<const char*>(activation.raw()) - static_cast<const char*>(storage->data())) /
        static_cast<std::int64_t>(size_of(activation.dtype()));
    if (storage == &trace_.input.storage()) return input_.slice(within, activation.shape());
    if (storage == &trace_.output.storage()) return output_.slice(within, activation.shape());
    return block_.slice(plan_.offsets[buffers_.at(storage)] + within, activation.shape());
}

void Program::do_step(std::size_t i) {
    const auto at = [this](const Tensor& activation) { return placed(activation); };
    if (const Call* const call = std::get_if<Call>(&steps_[i])) return call->run(device_, at);
    const ConvolutionOperands& o = std::get<Convolution>(steps_[i]).operands;
    convolutions_[i]->run({{at(o.x.tensor), o.x.begin},
                           {at(o.residual.tensor), o.residual.begin},
                           {at(o.y.tensor), o.y.begin},
                           at(o.pooled),
                           {at(o.coarse.tensor), o.coarse.begin},
                           o.coarse_channels});
}

Tensor Program::run(const Tensor& x) {
    return run(x, [] {});
}

Tensor Program::run(const Tensor& x, const std::function<void()>& before_step) {
    if (x.shape() != trace_.input.shape() || x.dtype() != trace_.input.dtype())
        fail("a network that is ready for {} was given {}", trace_.input.shape().str(), x.shape().str());
    const Tensor& output = trace_.output;
    const auto elements = static_cast<std::int64_t>(output.storage().bytes() / size_of(output.dtype()));
    input_ = x.detach();
    output_ = Tensor::empty({elements}, output.dtype(), device_.device());
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        before_step();
        do_step(i);
    }
    const Tensor result = placed(output);
    input_ = output_ = {};
    return result;
}

std::vector<double> Program::time(const Tensor& x, const std::function<double()>& clock) {
    std::vector<double> at;
    run(x, [&] { at.push_back(clock()); });
    at.push_back(clock());
    for (std::size_t i = 0; i < steps_.size(); ++i) at[i] = at[i + 1] - at[i];
    at.pop_back();
    return at;
}

}  // namespace camber::inference
