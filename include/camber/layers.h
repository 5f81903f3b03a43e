#pragma once
#include <camber/module.h>
#include <camber/ops.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The layers that networks are made of. Activations are [N, H, W, C].
namespace camber::nn {

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
Tensor avg_pool2d(const Tensor& x, const Pool2dParams& params);
Tensor pixel_shuffle(const Tensor& x, int factor);
/// [N, H, W, C] to [N, 1, 1, H * W * C].
Tensor flatten(const Tensor& x);

}  // namespace camber::nn
