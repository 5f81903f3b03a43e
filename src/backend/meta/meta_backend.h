#pragma once
#include "backend/backend.h"

namespace camber {

/// Does nothing: tensors on Device::meta have shapes and no elements.
class MetaBackend : public Backend {
  public:
    Device device() const override { return Device::meta; }
    std::string describe() const override { return "shapes only"; }

    void conv2d(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Conv2dParams&) override {}
    void conv2d_backward_data(const Tensor&, const Tensor&, const Tensor&, const Conv2dParams&) override {}
    void conv2d_backward_filter(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                const Conv2dParams&) override {}
    void conv_transpose2d(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                          const ConvTranspose2dParams&) override {}
    void conv_transpose2d_backward_data(const Tensor&, const Tensor&, const Tensor&,
                                        const ConvTranspose2dParams&) override {}
    void conv_transpose2d_backward_filter(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                          const ConvTranspose2dParams&) override {}
    void batch_norm_train(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                          const Tensor&, const ChannelSlice&, const Tensor&, const Tensor&, const Tensor&,
                          const BatchNormParams&) override {}
    void batch_norm_inference(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                              const ChannelSlice&, const Tensor&, const BatchNormParams&) override {}
    void batch_norm_backward(const Tensor&, const Tensor&, const ChannelSlice&, const Tensor&, const Tensor&,
                             const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                             const Tensor&, const BatchNormParams&) override {}
    void batch_norm_inference_backward(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                       const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                       const Tensor&, const BatchNormParams&) override {}
    void relu(const Tensor&, const Tensor&) override {}
    void relu_backward(const Tensor&, const Tensor&, const Tensor&) override {}
    void add(const Tensor&, const Tensor&, const Tensor&) override {}
    void scale(const Tensor&, double, const Tensor&) override {}
    void fill(const Tensor&, double) override {}
    void broadcast(const Tensor&, const Tensor&) override {}
    void cast(const Tensor&, const Tensor&) override {}
    void dropout(const Tensor&, const Tensor&, double, const PhiloxKey&, const Tensor&) override {}
    void softmax(const Tensor&, const Tensor&) override {}
    void softmax_backward(const Tensor&, const Tensor&, const Tensor&) override {}
    void max_pool2d(const Tensor&, const Tensor&, const Pool2dParams&) override {}
    void max_pool2d_backward(const Tensor&, const Tensor&, const Tensor&, const ChannelSlice&, const Tensor&,
                             const Pool2dParams&) override {}
    void avg_pool2d(const Tensor&, const Tensor&, const Pool2dParams&) override {}
    void avg_pool2d_backward(const Tensor&, const Tensor&, const Pool2dParams&) override {}
    void resize(const Tensor&, const Tensor&, ResizeMode) override {}
    void resize_backward(const Tensor&, const Tensor&, ResizeMode) override {}
    void pad2d(const Tensor&, const Tensor&, int, int) override {}
    void copy_channels(const Tensor&, std::int64_t, const Tensor&, std::int64_t, std::int64_t, const Tensor&) override {
    }
    void pixel_shuffle(const Tensor&, const Tensor&, int) override {}
    void count_predictions(const Tensor&, const Tensor&, const Tensor&, const Tensor&, int) override {}
    void pixel_unshuffle(const Tensor&, const Tensor&, int) override {}
    void sum(const Tensor&, const Tensor&) override {}
    void segmentation_loss(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                           const Tensor&, const SegmentationLossParams&) override {}
    void segmentation_loss_backward(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                    const Tensor&, const Tensor&, const SegmentationLossParams&) override {}
    void argmax(const Tensor&, const Tensor&) override {}
    void confusion_matrix(const Tensor&, const Tensor&, const Tensor&, int) override {}
    void augment(const Tensor&, const Tensor&, int, const Tensor&, const Tensor&) override {}
    void color_labels(const Tensor&, const Tensor&, const Tensor&) override {}
    void overlay(const Tensor&, const Tensor&, const Tensor&, int, const Tensor&) override {}
    void grad_norm(const Tensor&, std::span<const ParameterSegment>, const Tensor&) override {}
    void optimizer_step(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                        const Tensor&, const Tensor&, std::span<const ParameterSegment>,
                        const OptimizerParams&) override {}
};

}  // namespace camber
