#pragma once
#include <camber/philox.h>
#include <camber/tensor.h>
#include <camber/types.h>

#include <vector>

/// Differentiable operations. Each checks shapes and dtypes (throwing Error that names the operation and the shapes),
/// allocates its output on x's device, calls the backend and, when gradients are wanted, records its backward step.
/// Activations are [N, H, W, C] of f32, bf16 or (reference device) f64; parameters have parameter_dtype(x.dtype()).
namespace camber::ops {

/// Output extent of a window of `kernel` with `dilation` sliding by `stride` over `in` + pad_before + pad_after.
std::int64_t window_output(std::int64_t in, int kernel, int stride, int dilation, int pad_before, int pad_after);
/// Keras 'same': out = ceil(in / stride), the odd row of zeros goes to the bottom and right.
Padding same_padding(std::int64_t in_h, std::int64_t in_w, int kernel_h, int kernel_w, int stride_h, int stride_w,
                     int dilation_h = 1, int dilation_w = 1);
/// The same amount on every side.
Padding symmetric_padding(int amount);
/// The crop of a transposed convolution whose output is in * stride: Keras 'same' (tests/fixtures has it checked
/// against Keras).
Padding same_crop(int kernel_h, int kernel_w, int stride_h, int stride_w);

/// Cross-correlation. x [N, H, W, Cin], w [Cout, Kh, Kw, Cin], bias [Cout] or undefined.
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dParams& p = {});
/// x [N, H, W, Cin], w [Cin, Kh, Kw, Cout], bias [Cout] or undefined.
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTranspose2dParams& p = {});
/// x [..., Cin] of rank 2 or 4, w [Cout, Cin], bias [Cout] or undefined.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias);

/// What a batch normalisation knows of its channels, each [C].
struct BatchNormTensors {
    Tensor gamma, beta, running_mean, running_var;
    /// In training: undefined, or what was left out of x, a bias before it, which the mean takes away again. It is
    /// added to what the running mean takes.
    Tensor offset = {};
};

/// Ioffe and Szegedy 2015. With `training` the batch's statistics are used and the running ones updated in place, else
/// the running ones are used. `residual`, of x's shape, is added to what is normalised, before ReLU: a residual block's
/// end in one pass.
Tensor batch_norm(const Tensor& x, const BatchNormTensors& tensors, bool training, const BatchNormParams& p = {},
                  const Tensor& residual = {});

/// An encoder's level: what it normalised, y [N, H, W, C], and that's maxima over 2x2 windows, pooled [N, H / 2, W / 2,
/// C]. With room for R channels, y is half of a decoder's concatenation [N, H, W, R + C], for concat_into() alone.
class NormalisedAndPooled {
  public:
    NormalisedAndPooled(Tensor y, Tensor pooled, std::int64_t room = 0)
        : pooled(std::move(pooled)), y_(std::move(y)), room_(room) {}
    NormalisedAndPooled(NormalisedAndPooled&&) = default;
    NormalisedAndPooled& operator=(NormalisedAndPooled&&) = default;

    /// Throws Error where it lies in a concatenation's memory, or went to concat_into().
    const Tensor& y() const;

    Tensor pooled;

  private:
    friend NormalisedAndPooled batch_norm_max_pool(const Tensor&, const BatchNormTensors&, bool, const BatchNormParams&,
                                                   std::int64_t);
    friend Tensor concat_into(const Tensor&, NormalisedAndPooled);

    Tensor y_;
    std::int64_t room_;
    bool in_place_ = false;  ///< y_ is the concatenation, whose first channels are still to be written
};
/// y = batch_norm(x) and max_pool2d(y), windows of 2x2 at a stride of 2, with room for `room` channels (0: none). One
/// pass makes both and one their gradients, save that the running statistics' gradients are two steps; only where it is
/// one pass is y written where it is to be in the concatenation. Throws Error for `room` < 0.
NormalisedAndPooled batch_norm_max_pool(const Tensor& x, const BatchNormTensors& tensors, bool training,
                                        const BatchNormParams& p = {}, std::int64_t room = 0);

Tensor relu(const Tensor& x);
/// Over the last axis.
Tensor softmax(const Tensor& x);
/// a + b, equal shapes.
Tensor add(const Tensor& a, const Tensor& b);
Tensor scale(const Tensor& x, double alpha);
/// Converts between f64, f32 and bf16.
Tensor cast(const Tensor& x, Dtype dtype);
/// Inverted dropout; the same key gives the same mask. Identity when rate is 0.
/// `step`: undefined, or one i32 on x's device: the key is then key.at_step(step).
Tensor dropout(const Tensor& x, double rate, const PhiloxKey& key, const Tensor& step = {});

Tensor max_pool2d(const Tensor& x, const Pool2dParams& p = {});
Tensor avg_pool2d(const Tensor& x, const Pool2dParams& p = {});
/// [N, H, W, C] to [N, 1, 1, C].
Tensor global_avg_pool(const Tensor& x);

/// Resizes to out_h x out_w.
Tensor resize(const Tensor& x, std::int64_t out_h, std::int64_t out_w, ResizeMode mode);
/// Adds zeros (positive) or crops (negative) on each side.
Tensor pad2d(const Tensor& x, const Padding& padding);
/// Along the last axis; N, H and W agree.
Tensor concat(const std::vector<Tensor>& parts);
/// concat({part, y}) for the y of `features`, which is used up: where y lies in the concatenation's memory, only the
/// part is copied. part: [N, H, W, R] of y's dtype, where R is the room that was asked for, if any was.
Tensor concat_into(const Tensor& part, NormalisedAndPooled features);
/// [N, H, W, C * factor^2] to [N, H * factor, W * factor, C], channels becoming pixels: y[n, h * r + i, w * r + j, c] =
/// x[n, h, w, c * r * r + i * r + j] with r = factor. Shi et al. 2016; PyTorch's PixelShuffle.
Tensor pixel_shuffle(const Tensor& x, int factor);
Tensor reshape(const Tensor& x, const Shape& shape);

/// Sum and mean of all elements: a scalar of parameter_dtype(x.dtype()).
Tensor sum(const Tensor& x);
Tensor mean(const Tensor& x);

/// What segmentation_loss returns: the differentiable loss and the sums behind it.
struct SegmentationLoss {
    Tensor loss;   ///< scalar
    Tensor stats;  ///< see Backend::segmentation_loss
};

/// What segmentation_loss can make in the same pass.
struct SegmentationLossExtras {
    bool class_sums = true;  ///< in `stats`, as iou_score() wants them; Dice and Jaccard need them anyway
    Tensor counts = {};      ///< undefined, or [C, C] i32 that the confusion matrix of the argmax is added to
};

/// The weighted sum of the terms whose weight in `p` is not 0, each of q = softmax(logits [N, H, W, C]) and labels [N,
/// H, W] u8, over valid pixels i (label t_i not ignore_index; other labels must be < C):
///
///     cross-entropy   sum_i [(1 - e) w_ti (-log q_ti) + e / C sum_c w_c (-log q_c)] / sum_i w_ti
///     Dice            1 - mean_c (2 I_c + s) / (P_c + T_c + s)
///     Jaccard         1 - mean_c (I_c + s) / (P_c + T_c - I_c + s)
///     focal           mean_i of -alpha_ti (1 - q_ti)^gamma log q_ti
///
/// Cross-entropy is PyTorch's, w = class_weights [C] or 1, e = label_smoothing. Dice and Jaccard are
/// segmentation_models', s = smooth; I, P and T are the sums of q t, q and t over the batch, or per image and then
/// averaged. Focal is Lin et al. 2017, alpha = focal_alpha [C] or 1.
/// With no valid pixel every term is 0.
SegmentationLoss segmentation_loss(const Tensor& logits, const Tensor& labels, const SegmentationLossParams& p,
                                   const Tensor& class_weights = {}, const Tensor& focal_alpha = {},
                                   const SegmentationLossExtras& extras = {});

/// Index of the largest of the last axis, u8, shape without that axis. Not differentiable.
Tensor argmax(const Tensor& x);

}  // namespace camber::ops
