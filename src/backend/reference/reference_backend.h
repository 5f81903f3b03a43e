#pragma once
#include "backend/reference/reference.h"

namespace camber::reference {

/// Declares what backend.h documents; each family of methods is in the file of its name.
class ReferenceBackend final : public Backend {
  public:
    Device device() const override { return Device::reference; }
    std::string describe() const override { return "plain loops, double accumulators"; }

    // conv.cpp
    void conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) override;
    void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx, const Conv2dParams& p) override;
    void conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                const Conv2dParams& p) override;
    void conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                          const ConvTranspose2dParams& p) override;
    void conv_transpose2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                        const ConvTranspose2dParams& p) override;
    void conv_transpose2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                          const ConvTranspose2dParams& p) override;

    // norm.cpp
    void batch_norm_train(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                          const Tensor& running_mean, const Tensor& running_var, const Tensor& y, const Tensor& mean,
                          const Tensor& invstd, const BatchNormParams& p) override;
    void batch_norm_inference(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                              const Tensor& running_mean, const Tensor& running_var, const Tensor& y,
                              const BatchNormParams& p) override;
    void batch_norm_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& gamma,
                             const Tensor& beta, const Tensor& mean, const Tensor& invstd, const Tensor& dx,
                             const Tensor& dresidual, const Tensor& dgamma, const Tensor& dbeta,
                             const BatchNormParams& p) override;
    void batch_norm_inference_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& gamma,
                                       const Tensor& beta, const Tensor& running_mean, const Tensor& running_var,
                                       const Tensor& dx, const Tensor& dresidual, const Tensor& dgamma,
                                       const Tensor& dbeta, const BatchNormParams& p) override;

    // elementwise.cpp
    void relu(const Tensor& x, const Tensor& y) override;
    void relu_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) override;
    void add(const Tensor& a, const Tensor& b, const Tensor& y) override;
    void scale(const Tensor& x, double alpha, const Tensor& y) override;
    void fill(const Tensor& y, double value) override;
    void broadcast(const Tensor& value, const Tensor& y) override;
    void cast(const Tensor& x, const Tensor& y) override;
    void dropout(const Tensor& x, const Tensor& y, double rate, const PhiloxKey& key, const Tensor& step) override;

    // softmax.cpp
    void softmax(const Tensor& x, const Tensor& y) override;
    void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) override;

    // pool.cpp
    void max_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) override;
    void max_pool2d_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const ChannelSlice& addend,
                             const Tensor& dx, const Pool2dParams& p) override;
    void avg_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) override;
    void avg_pool2d_backward(const Tensor& dy, const Tensor& dx, const Pool2dParams& p) override;

    // resize.cpp
    void resize(const Tensor& x, const Tensor& y, ResizeMode mode) override;
    void resize_backward(const Tensor& dy, const Tensor& dx, ResizeMode mode) override;

    // shape.cpp
    void pad2d(const Tensor& x, const Tensor& y, int top, int left) override;
    void copy_channels(const Tensor& x, std::int64_t x_begin, const Tensor& y, std::int64_t y_begin,
                       std::int64_t count) override;
    void pixel_shuffle(const Tensor& x, const Tensor& y, int factor) override;
    void pixel_unshuffle(const Tensor& x, const Tensor& y, int factor) override;

    // reduce.cpp
    void sum(const Tensor& x, const Tensor& y) override;
    void argmax(const Tensor& x, const Tensor& labels) override;
    void confusion_matrix(const Tensor& prediction, const Tensor& truth, const Tensor& counts,
                          int ignore_index) override;

    // loss.cpp
    void segmentation_loss(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                           const Tensor& focal_alpha, const Tensor& loss, const Tensor& stats,
                           const SegmentationLossParams& p) override;
    void segmentation_loss_backward(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                                    const Tensor& focal_alpha, const Tensor& stats, const Tensor& grad_loss,
                                    const Tensor& dlogits, const SegmentationLossParams& p) override;

    // image.cpp
    void augment(const Tensor& source, const Tensor& samples, int void_id, const Tensor& x,
                 const Tensor& labels) override;
    void color_labels(const Tensor& labels, const Tensor& palette, const Tensor& y) override;
    void overlay(const Tensor& image, const Tensor& labels, const Tensor& palette, int opacity,
                 const Tensor& y) override;

    // optimizer.cpp
    void grad_norm(const Tensor& grad, std::span<const ParameterSegment> segments, const Tensor& norm) override;
    void optimizer_step(const Tensor& parameter, const Tensor& grad, const Tensor& state1, const Tensor& state2,
                        const Tensor& ema, const Tensor& grad_norm, const Tensor& scalars,
                        std::span<const ParameterSegment> segments, const OptimizerParams& p) override;
};

}  // namespace camber::reference
