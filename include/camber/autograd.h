#pragma once
#include <camber/channel_slice.h>
#include <camber/tensor.h>

#include <functional>
#include <vector>

namespace camber {

/// What autograd keeps about a tensor: whether its gradient is wanted, and the gradient so far.
struct AutogradMeta {
    bool requires_grad = false;
    bool leaf = true;
    Shape shape;
    Dtype dtype = Dtype::f32;
    Device device = Device::cpu;
    Tensor grad;  ///< buffer; meaningful only while has_grad
    /// False: `grad`, if defined, is a buffer waiting to be overwritten (flat parameter gradients).
    bool has_grad = false;
    bool grad_shared = false;        ///< the buffer is also somebody else's: add into a fresh one, not in place
    bool grad_is_zero = false;       ///< the waiting buffer is known to hold zeros
    ChannelSlice grad_slice;         ///< where defined, the gradient so far instead of `grad`; never of a leaf
    Tensor grad_of_maxima;           ///< see BackwardContext::set_of_maxima
    bool grad_sums_to_zero = false;  ///< see BackwardContext::set_sums_to_zero
};

/// Handed to an operation's backward step: the gradient of its output, and where to put those of its inputs.
class BackwardContext {
  public:
    /// Gradient of the loss with respect to the operation's output, in the output's shape and dtype.
    const Tensor& grad();
    /// The same as it has come, undefined where set_of_maxima() alone gave one: for steps that can read channels of a
    /// wider tensor.
    ChannelSlice grad_slice() const { return slice_ ? slice_ : ChannelSlice{grad_, 0}; }
    /// Makes grad(), and in the same pass `sums` [C], its sum over all axes but the last. False, and nothing is done,
    /// where it has come as a tensor of its own.
    bool gather_with_sums(const Tensor& sums);
    /// What set_of_maxima() gave for the output: only steps of operations that promise it look.
    const Tensor& grad_of_maxima() const { return maxima_; }
    /// Whether the gradient of input `i` is wanted.
    bool needs(std::size_t i) const { return inputs_[i] && inputs_[i]->requires_grad; }
    /// A buffer of input i's shape and dtype that the step must overwrite with its gradient. Call at most once per
    /// input.
    Tensor out(std::size_t i);
    /// Like out(i), but it may be the buffer of grad() itself: for steps that read an element of grad() before they
    /// write it.
    Tensor out_over_grad(std::size_t i);
    /// Gives an existing tensor as input i's gradient (e.g. the output's own gradient passed along).
    void set(std::size_t i, Tensor gradient);
    /// The same of channels of a tensor; they are copied only when an operation wants them by themselves.
    void set_slice(std::size_t i, ChannelSlice gradient);
    /// Takes over what input i has been given by the operations that used it later, undefined where there is none: the
    /// step must make out(i), to be called after this, the sum of it and its own part. So the kernel that writes the
    /// gradient adds, and no pass of its own is needed.
    ChannelSlice take_addend(std::size_t i);
    /// Gives the gradient of the maxima of input i's 2x2 windows, which the operation that made input i will take in
    /// (grad_of_maxima()) together with what is given for input i itself.
    void set_of_maxima(std::size_t i, Tensor gradient) { inputs_[i]->grad_of_maxima = std::move(gradient); }
    /// Says that what this step gives to input i is zero, but for rounding, when it is summed over all axes but the
    /// last. Then a bias that was added to the input just before has no gradient, and nothing need be summed.
    void set_sums_to_zero(std::size_t i) { results_[i].sums_to_zero = true; }
    /// Whether that holds for grad().
    bool grad_sums_to_zero() const { return grad_sums_to_zero_; }

  private:
    friend class Tape;
    /// Takes over what `output` has.
    BackwardContext(AutogradMeta& output, const std::vector<std::shared_ptr<AutogradMeta>>& inputs);
    void finish();

    /// What the step has made of an input's gradient.
    struct Result {
        Tensor tensor;
        ChannelSlice slice;     ///< where defined, instead of `tensor`
        bool shared = false;    ///< the tensor is also somebody else's
        bool in_place = false;  ///< written where the input keeps its gradient
        bool sums_to_zero = false;
    };

    const AutogradMeta& output_;
    Tensor grad_;  ///< undefined while there is a slice
    ChannelSlice slice_;
    Tensor maxima_;
    bool grad_shared_, grad_sums_to_zero_;
    const std::vector<std::shared_ptr<AutogradMeta>>& inputs_;
    std::vector<Result> results_;  ///< one an input
};

using BackwardStep = std::function<void(BackwardContext&)>;

/// Whether operations on this thread are being recorded.
bool grad_enabled();

/// Turns recording off for its lifetime on this thread.
class NoGrad {
  public:
    NoGrad();
    ~NoGrad();
    NoGrad(const NoGrad&) = delete;
    NoGrad& operator=(const NoGrad&) = delete;

  private:
    bool previous_;
};

/// Whether an operation on these inputs must be recorded.
bool needs_grad(std::initializer_list<const Tensor*> inputs);

/// Records that `output` was made from `inputs`; `step` computes their gradients. Undefined tensors may stand among the
/// inputs (an absent bias). Call only when needs_grad(inputs).
void record(Tensor& output, const std::vector<Tensor>& inputs, BackwardStep step);

/// Walks this thread's tape in reverse from `loss` (one element) and adds scale * d loss / d leaf to every leaf's
/// gradient. Each recorded step runs once and frees what it saved; the tape is empty afterwards. Throws Error when loss
/// has no history or more than one element.
void backward(const Tensor& loss, double scale = 1.0);

/// Drops whatever this thread has recorded (a forward pass whose loss is not wanted after all).
void clear_tape();

/// Forgets a leaf's gradient; a preallocated buffer is kept for the next one to overwrite.
void zero_grad(const Tensor& leaf);

/// Compares backward() with central differences. `function` maps the inputs (f64, Device::reference) to a tensor; its
/// elements are summed with fixed random weights. Every element of every input that requires_grad is perturbed by eps.
/// Returns the largest |analytic - numeric| / max(1, |numeric|).
double gradcheck(const std::function<Tensor(const std::vector<Tensor>&)>& function, std::vector<Tensor> inputs,
                 double eps = 1e-5, std::uint64_t seed = 1);

}  // namespace camber
