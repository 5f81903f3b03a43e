#include "autograd/tape.h"

#include <utility>

#include "backend/backend.h"

namespace camber {
namespace {

Tensor copy_of(const ChannelSlice& slice, const AutogradMeta& slot, const Tensor& sums = {}) {
    Tensor copy = Tensor::empty(slot.shape, slot.dtype, slot.device);
    backend(copy).copy_channels(slice.tensor, slice.begin, copy, 0, slot.shape.back(), sums);
    return copy;
}

/// Makes the gradient so far a tensor of its own.
void gather(AutogradMeta& slot) {
    if (!slot.grad_slice) return;
    slot.grad = copy_of(slot.grad_slice, slot);
    slot.grad_slice = {};
    slot.grad_shared = false;
}

/// Adds `gradient` to what `slot` has, or makes it the first.
void accumulate(AutogradMeta& slot, Tensor gradient, bool shared) {
    if (!slot.has_grad) {
        if (slot.grad) {  // a preallocated buffer that the step did not write itself
            slot.grad.copy_from(gradient);
            slot.grad_is_zero = false;
        } else {
            slot.grad = std::move(gradient);
            slot.grad_shared = shared;
        }
        slot.has_grad = true;
        return;
    }
    gather(slot);
    if (slot.grad_shared) {
        const Tensor sum = Tensor::empty(slot.shape, slot.dtype, slot.device);
        backend(sum).add(slot.grad, gradient, sum);
        slot.grad = sum;
        slot.grad_shared = false;
    } else {
        backend(slot.grad).add(slot.grad, gradient, slot.grad);
    }
}

void accumulate(AutogradMeta& slot, const ChannelSlice& gradient) {
    if (slot.leaf || slot.has_grad) return accumulate(slot, copy_of(gradient, slot), false);
    slot.grad_slice = gradient;
    slot.has_grad = true;
}

}  // namespace

Tape& Tape::current() {
    thread_local Tape tape;
    return tape;
}

BackwardContext::BackwardContext(AutogradMeta& output, const std::vector<std::shared_ptr<AutogradMeta>>& inputs)
    : output_(output),
      grad_(std::exchange(output.grad, {})),
      slice_(std::exchange(output.grad_slice, {})),
      maxima_(std::exchange(output.grad_of_maxima, {})),
      grad_shared_(std::exchange(output.grad_shared, false)),
      grad_sums_to_zero_(std::exchange(output.grad_sums_to_zero, false)),
      inputs_(inputs),
      results_(inputs.size()) {
    output.has_grad = false;
}

const Tensor& BackwardContext::grad() {
    gather_with_sums({});
    return grad_;
}

bool BackwardContext::gather_with_sums(const Tensor& sums) {
    if (!slice_) return false;
    grad_ = copy_of(slice_, output_, sums);
    slice_ = {};
    return true;
}

Tensor BackwardContext::out(std::size_t i) {
    AutogradMeta& slot = *inputs_[i];
    const bool write_in_place = slot.grad && !slot.has_grad;
    results_[i].tensor = write_in_place ? slot.grad : Tensor::empty(slot.shape, slot.dtype, slot.device);
    results_[i].in_place = write_in_place;
    if (write_in_place) {
        slot.has_grad = true;
        slot.grad_is_zero = false;
    }
    return results_[i].tensor;
}

Tensor BackwardContext::out_over_grad(std::size_t i) {
    const AutogradMeta& slot = *inputs_[i];
    const bool takes_any_buffer = !slot.grad || slot.has_grad;
    if (grad_shared_ || !takes_any_buffer || slot.shape != grad().shape() || slot.dtype != grad_.dtype()) return out(i);
    results_[i].tensor = grad_;
    return grad_;
}

void BackwardContext::set(std::size_t i, Tensor gradient) {
    results_[i].tensor = std::move(gradient);
    results_[i].shared = true;
}

void BackwardContext::set_slice(std::size_t i, ChannelSlice gradient) { results_[i].slice = std::move(gradient); }

ChannelSlice BackwardContext::take_addend(std::size_t i) {
    AutogradMeta& slot = *inputs_[i];
    if (slot.leaf || !slot.has_grad) return {};
    ChannelSlice addend = slot.grad_slice ? slot.grad_slice : ChannelSlice{slot.grad, 0};
    slot.grad_slice = {};
    slot.grad = Tensor();
    slot.has_grad = slot.grad_shared = false;
    return addend;
}

void BackwardContext::finish() {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        Result& result = results_[i];
        if (!result.tensor && !result.slice) continue;
        AutogradMeta& slot = *inputs_[i];
        slot.grad_sums_to_zero = result.sums_to_zero && (!slot.has_grad || slot.grad_sums_to_zero);
        if (result.slice) {
            accumulate(slot, result.slice);
        } else if (!result.in_place) {
            accumulate(slot, std::move(result.tensor), result.shared);
        }
    }
}

void Tape::backward(const Tensor& loss, double scale) {
    const std::shared_ptr<AutogradMeta>& root = loss.autograd_meta();
    if (!root || !root->requires_grad || root->leaf) {
        fail("backward() was called on a tensor that no recorded operation made: is gradient recording off?");
    }
    if (loss.numel() != 1) fail("backward() starts from one number, not from a tensor of shape {}", loss.shape().str());
    const NoGrad no_grad;
    std::vector<Node> nodes = std::move(nodes_);
    nodes_.clear();
    root->grad = Tensor::empty(loss.shape(), loss.dtype(), loss.device());
    root->has_grad = true;
    backend(loss).fill(root->grad, scale);
    if (follower) follower->begin(nodes);
    for (; !nodes.empty(); nodes.pop_back()) {  // popping frees what the step saved
        Node& node = nodes.back();
        if (node.output->has_grad || node.output->grad_of_maxima) {  // on the way to the loss
            BackwardContext context(*node.output, node.inputs);
            node.step(context);
            context.finish();
        }
        if (follower) follower->passed(node);
    }
}

bool grad_enabled() { return Tape::current().enabled; }

NoGrad::NoGrad() : previous_(Tape::current().enabled) { Tape::current().enabled = false; }
NoGrad::~NoGrad() { Tape::current().enabled = previous_; }

bool needs_grad(std::initializer_list<const Tensor*> inputs) {
    if (!grad_enabled()) return false;
    for (const Tensor* input : inputs) {
        if (input->requires_grad()) return true;
    }
    return false;
}

void record(Tensor& output, const std::vector<Tensor>& inputs, BackwardStep step) {
    auto meta = std::make_shared<AutogradMeta>();
    meta->requires_grad = true;
    meta->leaf = false;
    meta->shape = output.shape();
    meta->dtype = output.dtype();
    meta->device = output.device();
    output.set_autograd_meta(meta);
    Node node{std::move(meta), {}, std::move(step)};
    node.inputs.reserve(inputs.size());
    for (const Tensor& input : inputs) node.inputs.push_back(input.autograd_meta());
    Tape::current().push(std::move(node));
}

void backward(const Tensor& loss, double scale) { Tape::current().backward(loss, scale); }

void clear_tape() { Tape::current().clear(); }

void zero_grad(const Tensor& leaf) {
    if (!leaf.autograd_meta()) return;
    AutogradMeta& slot = *leaf.autograd_meta();
    if (slot.grad_shared) slot.grad = Tensor();  // not ours to overwrite
    slot.has_grad = slot.grad_shared = false;
}

}  // namespace camber
