#pragma once
#include <camber/init.h>
#include <camber/ops.h>
#include <camber/tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Layers with parameters, and the tree of names they form. A module owns its children; the path of a parameter
/// ("encoder.0.conv1.weight") is the names from the root down. Activations are [N, H, W, C].
namespace camber::nn {

/// A parameter or a buffer (running statistic) of a module. Its tensor has no memory (Device::meta) until a
/// ParameterBuffer places it, so that a network of any size can be built and described at no cost.
struct Parameter {
    Tensor tensor;  ///< what forward() uses; a view into the ParameterBuffer once placed
    init::Initializer init;
    bool trainable = true;  ///< always false for buffers; change through Module::set_trainable
    /// At least the tensor's outermost extent: rows that its place in a ParameterBuffer has, see padded_heads. 0: no
    /// more.
    std::int64_t rows = 0;
    /// Undefined, or the tensor with `rows` rows, those beyond its own being zeros: a leaf of its own, whose gradient
    /// is in the tensor's place.
    Tensor padded = {};
};

struct NamedParameter {
    std::string name;  ///< path from the module that was asked
    Parameter* parameter;
};

/// Where dropout takes its masks from. One a tree, shared by all its modules.
struct ForwardContext {
    std::uint64_t seed = 0;
    std::uint64_t step = 0;   ///< which forward pass; the trainer sets it and checkpoints it
    std::uint32_t draws = 0;  ///< masks drawn since begin(); layers draw in the order they run
    /// The step in device memory (one i32), where a recorded step is replayed: it then stands in for `step`.
    Tensor device_step;

    /// Starts a forward pass: the same step gives the same masks, whatever ran before.
    void begin(std::uint64_t next_step) {
        step = next_step;
        draws = 0;
    }
    /// The key of the next mask; at most 2^20 in one step.
    PhiloxKey next_key() { return PhiloxKey{seed, Stream::dropout, draws++}.at_step(device_step ? 0 : step); }
};

class Module {
  public:
    Module() = default;
    virtual ~Module() = default;
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    /// Throws Error in modules that take something other than one tensor; those name their own method.
    virtual Tensor forward(const Tensor& x);
    /// Runs every layer once, heads that forward() leaves out included: what a layer table shows.
    virtual void run_all(const Tensor& x) { forward(x); }

    /// Sets this module and everything below it to training (batch statistics, dropout) or evaluation. Modules start
    /// in training.
    void train(bool on = true);
    void eval() { train(false); }
    bool training() const { return training_; }

    /// Own parameters in order of registration, then each child's. The order is part of a network's definition: initial
    /// values and optimizer state follow it.
    std::vector<NamedParameter> named_parameters() const;
    /// Running statistics, likewise.
    std::vector<NamedParameter> named_buffers() const;
    /// This module (path "") and all below it, parents first.
    std::vector<std::pair<std::string, Module*>> named_modules();

    /// Freezes (false) or unfreezes every parameter from here down: forward() records no gradient for it and the
    /// optimizer leaves it out. Batch normalisations can be left as they are, as segmentation_models and fastai do.
    void set_trainable(bool trainable, bool batch_norms_too = true);

    /// The tree's dropout state.
    ForwardContext& context() { return *context_; }
    const ForwardContext& context() const { return *context_; }

  protected:
    /// Adds a child made from `args` and returns it. Names hold no dots and are unique within the module.
    template <class M, class... Args>
    M& add(const std::string& name, Args&&... args) {
        auto child = std::make_unique<M>(std::forward<Args>(args)...);
        M& result = *child;
        adopt(name, std::move(child));
        return result;
    }
    void adopt(const std::string& name, std::unique_ptr<Module> child);
    /// Adds a child whose names stand among this module's own, without a step in the path: an encoder in a network
    /// whose original has all layers at the root.
    void adopt_merged(std::unique_ptr<Module> child);
    Parameter& add_parameter(const std::string& name, const Shape& shape, init::Initializer initializer);
    Parameter& add_buffer(const std::string& name, const Shape& shape, init::Initializer initializer);

  private:
    using Slot = std::pair<std::string, std::unique_ptr<Parameter>>;
    void check_name(const std::string& name) const;
    void share_context(const std::shared_ptr<ForwardContext>& context);
    void collect(const std::string& prefix, bool buffers, std::vector<NamedParameter>& into) const;
    void collect_modules(const std::string& path, std::vector<std::pair<std::string, Module*>>& into);

    std::vector<Slot> parameters_, buffers_;
    std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
    std::shared_ptr<ForwardContext> context_ = std::make_shared<ForwardContext>();
    bool training_ = true;
};

// ---- layers

struct Conv2dOptions {
    std::int64_t in = 0, out = 0;
    int kernel_h = 3, kernel_w = 3;
    int stride = 1;
    int dilation = 1;
    /// Absent: 'same' as Keras means it (equal to PyTorch's padding = dilation * (kernel - 1) / 2 where the kernel is
    /// odd and the stride 1).
    std::optional<Padding> padding = {};
    bool bias = true;
    init::Initializer weight_init = init::glorot_uniform();
    init::Initializer bias_init = init::zeros();
    /// The padding has a row of its own in a layer table, as where Keras has a ZeroPadding2D before the convolution.
    bool padding_is_a_layer = false;
    /// The network's logits: see ParameterBufferOptions::padded_heads.
    bool head = false;
};

/// weight [Cout, Kh, Kw, Cin], bias [Cout].
class Conv2d : public Module {
  public:
    explicit Conv2d(Conv2dOptions options);
    Tensor forward(const Tensor& x) override;
    /// For what follows that takes a bias away again, or adds it itself.
    Tensor forward_without_bias(const Tensor& x) { return convolved(x, weight.tensor, {}); }
    const Conv2dOptions& options() const { return options_; }
    Parameter& weight;
    Parameter* bias;  ///< null without

  private:
    Tensor convolved(const Tensor& x, const Tensor& kernel, const Tensor& added);

    Conv2dOptions options_;
};

struct ConvTranspose2dOptions {
    std::int64_t in = 0, out = 0;
    int kernel_h = 2, kernel_w = 2;
    int stride = 2;
    /// Absent: 'same' as Keras means it, so that the output is stride times the input. PyTorch's padding p and
    /// output_padding o are {p, p - o, p, p - o}.
    std::optional<Padding> crop = {};
    bool bias = true;
    init::Initializer weight_init = init::glorot_uniform();
    init::Initializer bias_init = init::zeros();
};

/// weight [Cin, Kh, Kw, Cout], bias [Cout].
class ConvTranspose2d : public Module {
  public:
    explicit ConvTranspose2d(ConvTranspose2dOptions options);
    Tensor forward(const Tensor& x) override;
    const ConvTranspose2dOptions& options() const { return options_; }
    Parameter& weight;
    Parameter* bias;  ///< null without

  private:
    ConvTranspose2dOptions options_;
};

/// Keras's BatchNormalization(): eps 1e-3, momentum 0.99 (0.01 here), the batch's own variance in the running one.
BatchNormParams keras_batch_norm(bool relu = false);
/// torch.nn.BatchNorm2d: eps 1e-5, momentum 0.1, unbiased running variance.
BatchNormParams pytorch_batch_norm(bool relu = false);

class MaxPool2d;

/// weight (gamma) and bias (beta), running_mean and running_var, all [C]. With params.relu the ReLU that follows is
/// part of the layer: one pass over memory instead of two.
class BatchNorm2d : public Module {
    std::unique_ptr<Parameter> ones_;  // gamma without scale: in no list of parameters, made at the first forward()

  public:
    /// Without `scale` there is no gamma (Keras's scale=False): `weight` is then ones that no list of parameters has.
    BatchNorm2d(std::int64_t channels, const BatchNormParams& params, bool scale = true);
    Tensor forward(const Tensor& x) override { return forward(x, {}); }
    /// With `residual` (where defined) added to what is normalised, before the ReLU: a residual block's end.
    /// `offset`: see ops::BatchNormTensors.
    Tensor forward(const Tensor& x, const Tensor& residual, const Tensor& offset = {});
    /// forward(x) and what `pool` makes of it: windows are 2x2, at a stride of 2. `room`: see ops::batch_norm_max_pool;
    /// under a LayerTrace y is a tensor of its own.
    ops::NormalisedAndPooled forward_and_pool(const Tensor& x, MaxPool2d& pool, const Tensor& offset = {},
                                              std::int64_t room = 0);
    const BatchNormParams& params() const { return params_; }
    bool has_scale() const { return !ones_; }
    Parameter &weight, &bias, &running_mean, &running_var;

  private:
    ops::BatchNormTensors tensors(const Tensor& offset);
    void trace(const Tensor& x, const Tensor& residual, const Tensor& y) const;

    BatchNormParams params_;
};

/// norm(conv(x)), with `residual` as BatchNorm2d::forward() takes it. While `norm` is in training the convolution's
/// bias is not added to x, whose mean is taken away, but to the running mean alone.
Tensor conv_batch_norm(Conv2d& conv, BatchNorm2d& norm, const Tensor& x, const Tensor& residual = {});
/// The same, and what `pool` makes of it: the end of an encoder's level. `room`: see ops::batch_norm_max_pool.
ops::NormalisedAndPooled conv_batch_norm_max_pool(Conv2d& conv, BatchNorm2d& norm, MaxPool2d& pool, const Tensor& x,
                                                  std::int64_t room = 0);

/// x [..., Cin] to [..., Cout]; weight [Cout, Cin], bias [Cout].
class Linear : public Module {
  public:
    Linear(std::int64_t in, std::int64_t out, bool with_bias = true,
           init::Initializer weight_init = init::glorot_uniform(), init::Initializer bias_init = init::zeros());
    Tensor forward(const Tensor& x) override;
    Parameter& weight;
    Parameter* bias;  ///< null without
};

class ReLU : public Module {
  public:
    Tensor forward(const Tensor& x) override;
};

/// Over the last axis.
class Softmax : public Module {
  public:
    Tensor forward(const Tensor& x) override;
};

class MaxPool2d : public Module {
  public:
    explicit MaxPool2d(const Pool2dParams& params = {}) : params_(params) {}
    Tensor forward(const Tensor& x) override;
    const Pool2dParams& params() const { return params_; }

  private:
    Pool2dParams params_;
};

class AvgPool2d : public Module {
  public:
    explicit AvgPool2d(const Pool2dParams& params = {}) : params_(params) {}
    Tensor forward(const Tensor& x) override;

  private:
    Pool2dParams params_;
};

/// [N, H, W, C] to [N, 1, 1, C].
class GlobalAvgPool : public Module {
  public:
    Tensor forward(const Tensor& x) override;
};

/// Inverted dropout in training; returns its input in evaluation and when rate is 0.
class Dropout : public Module {
  public:
    /// Throws UsageError unless 0 <= rate < 1.
    explicit Dropout(double rate);
    Tensor forward(const Tensor& x) override;
    double rate() const { return rate_; }

  private:
    double rate_;
};

/// Height and width times `factor`.
class Upsample : public Module {
  public:
    Upsample(int factor, ResizeMode mode) : factor_(factor), mode_(mode) {}
    Tensor forward(const Tensor& x) override;

  private:
    int factor_;
    ResizeMode mode_;
};

/// Children "0", "1", ... for the owner to run as it likes.
class ModuleList : public Module {
  public:
    /// Adds a child made from `args` at the end.
    template <class M, class... Args>
    M& push(Args&&... args) {
        M& child = add<M>(std::to_string(items_.size()), std::forward<Args>(args)...);
        items_.push_back(&child);
        return child;
    }
    std::size_t size() const { return items_.size(); }
    Module& operator[](std::size_t i) const { return *items_[i]; }

  private:
    std::vector<Module*> items_;
};

/// A ModuleList that runs in order, each child fed the one before.
class Sequential : public ModuleList {
  public:
    Tensor forward(const Tensor& x) override;
};

// Operations without parameters that a layer table has a row for. Networks use these instead of camber::ops so that
// the table is complete.
Tensor relu(const Tensor& x);
Tensor concat(const std::vector<Tensor>& parts);
Tensor concat_into(const Tensor& part, ops::NormalisedAndPooled features);
Tensor add(const Tensor& a, const Tensor& b);
/// Adds zeros (positive) or crops (negative).
Tensor pad2d(const Tensor& x, const Padding& padding);
/// To out_h x out_w.
Tensor resize(const Tensor& x, std::int64_t out_h, std::int64_t out_w, ResizeMode mode);
Tensor pixel_shuffle(const Tensor& x, int factor);
/// [N, H, W, C] to [N, 1, 1, H * W * C].
Tensor flatten(const Tensor& x);

// ---- parameters in flat memory

struct ParameterBufferOptions {
    Device device = Device::cpu;
    Dtype dtype = Dtype::f32;  ///< f64 for gradient checks on Device::reference
    std::uint64_t seed = 0;    ///< of initial values: parameter i takes draw i of Stream::init
    bool gradients = true;     ///< false: no gradient buffer and nothing requires a gradient (prediction)
    bool rounded = false;      ///< f32 parameters have a bf16 copy (Storage::rounded()) for kernels that want them so
    /// In training the convolution that makes the logits makes some more channels, zeros, where that lets every pixel
    /// begin at a multiple of 16 bytes of bf16 (SegmentationLossParams::classes then says how many count).
    bool padded_heads = false;
};

/// Places all parameters of a tree in one buffer, their gradients in another of the same layout and the running
/// statistics in a third, and points the modules at them. Optimizers, clipping, averaging and reductions then are one
/// pass each. Parameters that have no values yet are initialised; others keep theirs (which is how a network changes
/// device). The tree must outlive this object's use.
class ParameterBuffer {
  public:
    /// Each entry begins at a multiple of this many elements (64 bytes of f32), for aligned vector access. The gaps
    /// hold zeros and stay zero under every optimizer.
    static constexpr std::int64_t alignment = 16;

    struct Entry {
        std::string name;
        std::int64_t begin = 0, end = 0;  ///< elements of the flat tensor
        Parameter* parameter = nullptr;

        const Tensor& tensor() const { return parameter->tensor; }
        /// What forward() uses and backward() gives a gradient, in training.
        const Tensor& leaf() const { return parameter->padded ? parameter->padded : parameter->tensor; }
        bool trainable() const { return parameter->trainable; }
    };

    explicit ParameterBuffer(Module& root, const ParameterBufferOptions& options = {});

    /// In named_parameters() order.
    const std::vector<Entry>& parameters() const { return parameters_; }
    /// In named_buffers() order; begin and end are positions in buffer_values().
    const std::vector<Entry>& buffers() const { return buffers_; }
    /// The entry (parameter or buffer) of that name, or null.
    const Entry* find(const std::string& name) const;

    /// Flat, rank 1. `gradients` is undefined without gradients; `buffer_values` when there are no buffers.
    const Tensor& values() const { return values_; }
    const Tensor& gradients() const { return gradients_; }
    const Tensor& buffer_values() const { return buffer_values_; }
    /// Elements in parameters, without the gaps.
    std::int64_t parameter_count() const;

    /// Before the first backward() of a step: the next gradients overwrite what the buffer holds.
    void zero_grad();
    /// After the last backward() of a step: zeroes the gradient of every trainable parameter that backward() did not
    /// reach, so that none is left over from the step before. Frozen parameters' gradients mean nothing.
    void complete_gradients();
    /// After values were changed in place (loading, exchanging): backends drop reordered copies, and the bf16 copy is
    /// brought up to date. A step of an Optimizer does both itself.
    void mark_changed() const;

  private:
    std::vector<Entry> parameters_, buffers_;
    Tensor values_, gradients_, buffer_values_;
};

}  // namespace camber::nn
