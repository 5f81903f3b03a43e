#pragma once
#include <camber/channel_slice.h>
#include <camber/philox.h>
#include <camber/tensor.h>
#include <camber/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "backend/timeline.h"

/// The backend contract: every primitive a device must provide. Outputs are preallocated by the caller and overwritten
/// unless a comment says otherwise; an undefined Tensor stands for an absent optional. src/ops has checked shapes and
/// dtypes already.
///
/// Dtypes: activations (x, y, dx, dy) are A = f32 or bf16 (f64 on the reference device); parameters, their gradients,
/// statistics and losses are P = parameter_dtype(A). Arithmetic on bf16 is done in f32. Layouts: activations [N, H, W,
/// C], convolution weights [Cout, Kh, Kw, Cin], transposed convolution weights [Cin, Kh, Kw, Cout], labels [N, H, W]
/// u8.
namespace camber {

/// Elements [begin, end) of the flat parameter buffer that share a parameter group.
struct ParameterSegment {
    std::int64_t begin = 0, end = 0;
    int group = 0;
};

enum class OptimizerKind { sgd, adam, adamw };

struct OptimizerParams {
    OptimizerKind kind = OptimizerKind::adam;
    double momentum = 0;  ///< SGD
    bool nesterov = false;
    double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;  ///< Adam, AdamW
    double max_grad_norm =
        0;  ///< > 0: gradients are scaled by min(1, max_grad_norm / (norm + 1e-6)), norm from `grad_norm`
};

/// Positions in the f32 tensor of per-step numbers that optimizer_step reads. They live in device memory so that a
/// captured step can be replayed with new ones.
namespace step_scalar {
inline constexpr int grad_scale = 0;        ///< multiplies every gradient first (1 / accumulated micro-batches)
inline constexpr int bias_correction1 = 1;  ///< 1 - beta1^t
inline constexpr int bias_correction2 = 2;  ///< 1 - beta2^t
inline constexpr int first_step = 3;  ///< 1 on the first step (SGD's momentum buffer starts as the gradient), else 0
inline constexpr int ema_decay = 4;   ///< ema = decay * ema + (1 - decay) * parameter, where ema is given
inline constexpr int groups = 5;      ///< then two a group: learning rate, weight decay
}  // namespace step_scalar

/// Work that a device was given once and can be told to do again: a CUDA graph. Tensors made while it was recorded keep
/// their memory to themselves as long as it lives; those it reads and writes besides must outlive it.
class Recording {
  public:
    virtual ~Recording() = default;
    /// Queues all of it.
    virtual void replay() = 0;
};

class Backend {
  public:
    virtual ~Backend() = default;
    virtual Device device() const = 0;
    /// For `camber info`: libraries, versions, instruction sets.
    virtual std::string describe() const = 0;
    /// Waits for all queued work.
    virtual void synchronize() {}
    /// Records what `work` queues on the device, without running it. `work` must neither wait for the device nor copy
    /// from the host; throws Error naming the call that did. Null where the device cannot record.
    virtual std::unique_ptr<Recording> record(const std::function<void()>& work) {
        static_cast<void>(work);
        return nullptr;
    }
    /// Takes the time of what is queued on the device.
    virtual std::unique_ptr<Timeline> timeline() { return host_timeline(); }
    /// Empty when networks can run in `dtype` here, else one line that says why not.
    virtual std::string why_not_in(Dtype dtype) const {
        static_cast<void>(dtype);
        return {};
    }

    // --- convolution. bias, db: [Cout] P or undefined
    virtual void conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                        const Conv2dParams& p) = 0;
    virtual void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx, const Conv2dParams& p) = 0;
    virtual void conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                        const Conv2dParams& p) = 0;
    virtual void conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                                  const ConvTranspose2dParams& p) = 0;
    virtual void conv_transpose2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                                const ConvTranspose2dParams& p) = 0;
    virtual void conv_transpose2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                                  const ConvTranspose2dParams& p) = 0;

    // --- batch normalisation over all but the last axis: y = normalised x + residual (shape of y, or undefined), with
    // ReLU of that when p.relu. Per-channel tensors: [C] P.
    /// Normalises with the batch's statistics, stores them in mean and invstd = 1 / sqrt(var + eps), updates the
    /// running ones in place. offset: undefined, or [C] P that was left out of x, since the mean would take it away
    /// again; it is added to what running_mean takes. pooled: undefined, or [N, H / 2, W / 2, C], the maxima of y's 2x2
    /// windows, as max_pool2d makes them; an odd last row or column is in none. With pooled there
    /// is no residual, and y may be channels of a wider tensor [N, H, W, ...], whose others are left alone; without, y
    /// is all of its tensor. y is not x.
    virtual void batch_norm_train(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                                  const Tensor& offset, const Tensor& running_mean, const Tensor& running_var,
                                  const ChannelSlice& y, const Tensor& pooled, const Tensor& mean, const Tensor& invstd,
                                  const BatchNormParams& p) = 0;
    /// Normalises with the running statistics; y and pooled as above.
    virtual void batch_norm_inference(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                                      const Tensor& running_mean, const Tensor& running_var, const ChannelSlice& y,
                                      const Tensor& pooled, const BatchNormParams& p) = 0;
    /// Backward of batch_norm_train. y: what that gave where it had a residual and ReLU, which is then masked by y > 0;
    /// else undefined, and the mask is recomputed from x. dresidual: undefined, or becomes dy as ReLU let it through.
    /// dx may be dy's own buffer; or dresidual may be.
    /// dpooled: undefined, or the gradient of `pooled`. There is no residual then; dy may be channels of a wider tensor
    /// [N, H, W, ...], or undefined, and is not dx. The maxima are found again from x.
    virtual void batch_norm_backward(const Tensor& x, const Tensor& y, const ChannelSlice& dy, const Tensor& dpooled,
                                     const Tensor& gamma, const Tensor& beta, const Tensor& mean, const Tensor& invstd,
                                     const Tensor& dx, const Tensor& dresidual, const Tensor& dgamma,
                                     const Tensor& dbeta, const BatchNormParams& p) = 0;
    /// Backward of batch_norm_inference: the same with constant statistics. dx may be undefined too.
    virtual void batch_norm_inference_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& gamma,
                                               const Tensor& beta, const Tensor& running_mean,
                                               const Tensor& running_var, const Tensor& dx, const Tensor& dresidual,
                                               const Tensor& dgamma, const Tensor& dbeta, const BatchNormParams& p) = 0;

    // --- elementwise; y may be an input's own buffer
    virtual void relu(const Tensor& x, const Tensor& y) = 0;
    /// dx = dy where y > 0, else 0. dx may be dy's own buffer.
    virtual void relu_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) = 0;
    virtual void add(const Tensor& a, const Tensor& b, const Tensor& y) = 0;
    /// y = alpha * x, any floating dtype.
    virtual void scale(const Tensor& x, double alpha, const Tensor& y) = 0;
    /// Every element becomes `value`, any dtype.
    virtual void fill(const Tensor& y, double value) = 0;
    /// Every element of y (A) becomes the one of `value` (P), which the host need not know.
    virtual void broadcast(const Tensor& value, const Tensor& y) = 0;
    /// Converts between floating dtypes, rounding to nearest even.
    virtual void cast(const Tensor& x, const Tensor& y) = 0;
    /// y = x / (1 - rate) where the element's u32 of the stream is at least threshold = rate * 2^32 (rounded), else 0.
    /// Its own backward. The stream is key.at_step(step), where `step` is one i32, or undefined for 0. It lives in
    /// device memory so that a recorded step draws new masks each time it is replayed.
    virtual void dropout(const Tensor& x, const Tensor& y, double rate, const PhiloxKey& key, const Tensor& step) = 0;

    // --- softmax over the last axis
    virtual void softmax(const Tensor& x, const Tensor& y) = 0;
    virtual void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) = 0;

    // --- pooling. The gradient of a maximum goes to the first one in row-major order, as in PyTorch.
    virtual void max_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) = 0;
    /// dx = the gradient plus `addend`, channels of a tensor [N, H, W, ...], where that is defined.
    virtual void max_pool2d_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const ChannelSlice& addend,
                                     const Tensor& dx, const Pool2dParams& p) = 0;
    virtual void avg_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) = 0;
    virtual void avg_pool2d_backward(const Tensor& dy, const Tensor& dx, const Pool2dParams& p) = 0;

    // --- shape
    virtual void resize(const Tensor& x, const Tensor& y, ResizeMode mode) = 0;
    virtual void resize_backward(const Tensor& dy, const Tensor& dx, ResizeMode mode) = 0;
    /// y(n, i, j) = x(n, i - top, j - left), 0 where that is outside x; negative offsets crop. Its backward is pad2d
    /// with -top, -left.
    virtual void pad2d(const Tensor& x, const Tensor& y, int top, int left) = 0;
    /// y[..., y_begin : y_begin + count] = x[..., x_begin : x_begin + count]; the rest of y is left alone. sums:
    /// undefined, or [count] P, the sum of what is copied over all axes but the last, in a fixed order.
    virtual void copy_channels(const Tensor& x, std::int64_t x_begin, const Tensor& y, std::int64_t y_begin,
                               std::int64_t count, const Tensor& sums) = 0;
    /// y[n, h * r + i, w * r + j, c] = x[n, h, w, c * r * r + i * r + j] with r = factor: PyTorch's PixelShuffle.
    virtual void pixel_shuffle(const Tensor& x, const Tensor& y, int factor) = 0;
    /// The inverse of pixel_shuffle, and its backward.
    virtual void pixel_unshuffle(const Tensor& x, const Tensor& y, int factor) = 0;

    // --- reductions, in a fixed order
    /// y (one element, P) = sum of x.
    virtual void sum(const Tensor& x, const Tensor& y) = 0;

    // --- losses, fused with softmax. logits [N, H, W, C] A, or more channels than the C = p.classes that count; labels
    // [N, H, W] u8; class_weights, focal_alpha: [C] P or undefined.
    /// loss: one element, P. stats: [(per_image ? N : 1) * C * 3 + 2] f64, for the backward step and metrics: for every
    /// class the sums over valid pixels of p*t, p and t; then cross-entropy's weight total and focal's pixel count.
    /// Those two alone, [2], where there is neither Dice nor Jaccard and nobody wants the others. counts: undefined, or
    /// [C, C] i32, which confusion_matrix() of the argmax of the logits and the labels is added to.
    virtual void segmentation_loss(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                                   const Tensor& focal_alpha, const Tensor& loss, const Tensor& stats,
                                   const Tensor& counts, const SegmentationLossParams& p) = 0;
    /// dlogits = grad_loss (one element, P) * d loss / d logits.
    virtual void segmentation_loss_backward(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                                            const Tensor& focal_alpha, const Tensor& stats, const Tensor& grad_loss,
                                            const Tensor& dlogits, const SegmentationLossParams& p) = 0;

    // --- metrics
    /// labels (u8) = index of the largest of the last axis, the first among equals.
    virtual void argmax(const Tensor& x, const Tensor& labels) = 0;
    /// counts [C, C] i32, truth by prediction, is added to; pixels whose truth is ignore_index or >= C are left out.
    virtual void confusion_matrix(const Tensor& prediction, const Tensor& truth, const Tensor& counts,
                                  int ignore_index) = 0;
    /// As confusion_matrix, against label maps of any size: each image's logits [N, H, W, C] A are resized (bilinear)
    /// to its map's size, and the largest is the prediction. maps: u8 [N * sizeof(LabelMap)], a LabelMap an image, see
    /// label_map.h; it begins at a multiple of 8 bytes. Their ids lie in `source`, flat u8.
    virtual void count_predictions(const Tensor& logits, const Tensor& source, const Tensor& maps, const Tensor& counts,
                                   int ignore_index) = 0;

    // --- pictures, u8
    /// x [N, H, W, 3] A and, unless undefined, labels [N, H, W] u8 are a batch cut from `source`, flat u8 that holds
    /// interleaved RGB pictures and label maps. samples: u8 [N * sizeof(AugmentSample)], an AugmentSample an image, see
    /// augment_pixel.h; it begins at a multiple of 8 bytes. In f32 the same bits on every device; bf16 is those
    /// rounded.
    virtual void augment(const Tensor& source, const Tensor& samples, int void_id, const Tensor& x,
                         const Tensor& labels) = 0;
    /// y [N, H, W, 3] = the colours of labels [N, H, W] in palette [256, 3].
    virtual void color_labels(const Tensor& labels, const Tensor& palette, const Tensor& y) = 0;
    /// y = round(((256 - opacity) * image + opacity * colour) / 256), halves up, with opacity in 0..256 and the colours
    /// of color_labels; image and y [N, H, W, 3]. y may be image's own buffer.
    virtual void overlay(const Tensor& image, const Tensor& labels, const Tensor& palette, int opacity,
                         const Tensor& y) = 0;

    // --- optimizer, over flat buffers of equal length; elements outside every segment (frozen) stay as they are
    /// norm (one element, P) = Euclidean norm of the raw gradient over the segments; optimizer_step clips by norm *
    /// |grad_scale|.
    virtual void grad_norm(const Tensor& grad, std::span<const ParameterSegment> segments, const Tensor& norm) = 0;
    /// state1: momentum or first moment; state2: second moment; ema; each undefined when unused. rounded: undefined, or
    /// the parameters in bf16, written beside them. `scalars`: see step_scalar.
    virtual void optimizer_step(const Tensor& parameter, const Tensor& rounded, const Tensor& grad,
                                const Tensor& state1, const Tensor& state2, const Tensor& ema, const Tensor& grad_norm,
                                const Tensor& scalars, std::span<const ParameterSegment> segments,
                                const OptimizerParams& p) = 0;
};

/// The backend of `device`; throws Error saying what is missing when this build or machine has none.
Backend& backend(Device device);
inline Backend& backend(const Tensor& tensor) { return backend(tensor.device()); }
/// Whether backend(device) would succeed.
bool has_backend(Device device);
/// One line that says why it would not; empty when it would.
std::string why_no_backend(Device device);

}  // namespace camber
