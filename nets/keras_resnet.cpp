// classification_models/models/resnet.py (image-classifiers 1.0.0).
#include "encoders.h"
#include "keras_layers.h"

namespace camber::nets {
namespace {

constexpr std::array<int, 4> unit_counts = {3, 4, 6, 3};

/// eps 2e-5 where Keras's default is 1e-3.
BatchNormParams resnet_norm(bool relu) {
    BatchNormParams params = fused_keras_batch_norm(relu);
    params.eps = 2e-5;
    return params;
}

/// After `padding` zeros on every side, by a layer of its own.
nn::Conv2dOptions resnet_conv(std::int64_t in, std::int64_t out, int kernel, int stride, int padding) {
    return {.in = in,
            .out = out,
            .kernel_h = kernel,
            .kernel_w = kernel,
            .stride = stride,
            .padding = ops::symmetric_padding(padding),
            .bias = false,
            .weight_init = init::he_uniform(),
            .padding_is_a_layer = padding > 0};
}

/// Batch norm, ReLU and 3x3 convolution, twice, and the sum with the input; a unit that begins a stage adds a 1x1
/// convolution of its first activations instead.
class Unit : public nn::Module {
  public:
    Unit(const std::string& name, std::int64_t in, std::int64_t out, int stride, bool begins_stage)
        : norm1_(add<nn::BatchNorm2d>(name + "bn1", in, resnet_norm(true))) {
        if (begins_stage) shortcut_ = &add<nn::Conv2d>(name + "sc", resnet_conv(in, out, 1, stride, 0));
        conv1_ = &add<nn::Conv2d>(name + "conv1", resnet_conv(in, out, 3, stride, 1));
        norm2_ = &add<nn::BatchNorm2d>(name + "bn2", out, resnet_norm(true));
        conv2_ = &add<nn::Conv2d>(name + "conv2", resnet_conv(out, out, 3, 1, 1));
    }
    /// The first activations are a skip of U-Nets.
    Tensor activate(const Tensor& x) { return norm1_.forward(x); }
    Tensor finish(const Tensor& x, const Tensor& activated) {
        const Tensor shortcut = shortcut_ ? shortcut_->forward(activated) : x;
        return nn::add(conv2_->forward(norm2_->forward(conv1_->forward(activated))), shortcut);
    }

  private:
    nn::BatchNorm2d& norm1_;
    nn::Conv2d* shortcut_ = nullptr;
    nn::Conv2d* conv1_ = nullptr;
    nn::BatchNorm2d* norm2_ = nullptr;
    nn::Conv2d* conv2_ = nullptr;
};

class KerasResnet34 : public Encoder {
  public:
    explicit KerasResnet34(int width)
        : norm_data_(add<nn::BatchNorm2d>("bn_data", 3, resnet_norm(false), false)),
          conv_(add<nn::Conv2d>("conv0", resnet_conv(3, width, 7, 2, 3))),
          norm_(add<nn::BatchNorm2d>("bn0", width, resnet_norm(true))) {
        for (const char* name : {"bn_data", "conv0", "bn0"}) put_in_stage(0, name);
        std::int64_t in = width;
        channels_.push_back(in);
        for (std::size_t stage = 0; stage < unit_counts.size(); ++stage) {
            const std::int64_t out = static_cast<std::int64_t>(width) << stage;
            if (stage > 0) channels_.push_back(in);
            for (int i = 0; i < unit_counts[stage]; ++i) {
                auto unit = std::make_unique<Unit>(fmt::format("stage{}_unit{}_", stage + 1, i + 1), in, out,
                                                   stage > 0 && i == 0 ? 2 : 1, i == 0);
                for (const auto& [path, layer] : unit->named_modules())
                    if (!path.empty()) put_in_stage(stage + 1, path);
                units_[stage].push_back(unit.get());
                adopt_merged(std::move(unit));
                in = out;
            }
        }
        norm_last_ = &add<nn::BatchNorm2d>("bn1", in, resnet_norm(true));
        put_in_stage(unit_counts.size(), "bn1");
        channels_.push_back(in);
    }

    std::vector<Tensor> features(const Tensor& x) override {
        std::vector<Tensor> result = {norm_.forward(conv_.forward(norm_data_.forward(x)))};
        // The zeros take part in the maximum.
        Tensor y = pool_.forward(nn::pad2d(result[0], ops::symmetric_padding(1)));
        for (std::size_t stage = 0; stage < units_.size(); ++stage) {
            for (Unit* unit : units_[stage]) {
                const Tensor activated = unit->activate(y);
                if (stage > 0 && unit == units_[stage].front()) result.push_back(activated);
                y = unit->finish(y, activated);
            }
        }
        result.push_back(norm_last_->forward(y));
        return result;
    }
    std::vector<std::int64_t> channels() const override { return channels_; }

  private:
    nn::BatchNorm2d& norm_data_;
    nn::Conv2d& conv_;
    nn::BatchNorm2d& norm_;
    nn::MaxPool2d pool_{{3, 3, 2, 2, {}}};
    std::array<std::vector<Unit*>, unit_counts.size()> units_;
    nn::BatchNorm2d* norm_last_ = nullptr;
    std::vector<std::int64_t> channels_;
};

}  // namespace

std::unique_ptr<Encoder> make_keras_resnet34(int width) { return std::make_unique<KerasResnet34>(width); }

}  // namespace camber::nets
