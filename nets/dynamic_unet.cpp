// fastai's DynamicUnet on ResNet34 as unet_learner builds it (fastai/vision/models/unet.py, layers.py, 1.0.61 and 2.8):
// no batch norm but the encoder's and the skips', biases everywhere, no self-attention.
#include <fmt/format.h>

#include "encoders.h"
#include "named_net.h"
#include "registry.h"
#include "torch_layers.h"

namespace camber::nets {
namespace {

enum class Fastai { v1, v2 };

struct DynamicUnetOptions {
    int classes = 11;
    int width = 64;
    bool blur = false, blur_final = true;
    Fastai style = Fastai::v1;
};

void visit(OptionList& list, DynamicUnetOptions& o) {
    list.integer("classes", o.classes, 1, 255, classes_help);
    list.integer("width", o.width, 2, 1024, width_help);
    list.flag("blur", o.blur, "a 2x2 average after each upsampling");
    list.flag("blur_final", o.blur_final, "with blur: in the last decoder block too");
    list.choice("style", o.style, {{"fastai1", Fastai::v1}, {"fastai2", Fastai::v2}},
                "whose last residual block: ReLU before the sum, or after it");
}

/// PyTorch's kaiming_normal_: deviation sqrt(2 / fan_in).
void kaiming_normal(std::span<float> values, const Shape& shape, const PhiloxKey& key) {
    const auto deviation = static_cast<float>(std::sqrt(2 / init::fans(shape).in));
    Philox random(key);
    for (float& value : values) value = deviation * random.normal();
}

/// ICNR (Aitken et al. 2017, arXiv 1707.02937) for pixel_shuffle by 2: the four channels that become the four pixels
/// of one begin alike, so that the first upsampling is nearest-neighbour.
void icnr(std::span<float> values, const Shape& shape, const PhiloxKey& key) {
    const auto filter = static_cast<std::size_t>(shape.numel() / shape[0]);
    std::vector<float> drawn(values.size() / 4);
    kaiming_normal(drawn, {shape[0] / 4, shape[1], shape[2], shape[3]}, key);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = drawn[i / filter / 4 * filter + i % filter];
}

/// A convolution ("0") with bias; conv_layer with norm_type None.
class ConvLayer : public nn::Module {
  public:
    ConvLayer(std::int64_t in, std::int64_t out, int kernel = 3, init::Initializer weights = kaiming_normal,
              bool head = false)
        : conv_(add<nn::Conv2d>("0", torch_conv({.in = in,
                                                 .out = out,
                                                 .kernel = kernel,
                                                 .bias = true,
                                                 .weight_init = std::move(weights),
                                                 .bias_init = init::zeros(),
                                                 .head = head}))) {}
    Tensor forward(const Tensor& x) override { return conv_.forward(x); }

  private:
    nn::Conv2d& conv_;
};

class ConvLayerRelu : public ConvLayer {
  public:
    using ConvLayer::ConvLayer;
    Tensor forward(const Tensor& x) override { return nn::relu(ConvLayer::forward(x)); }
};

/// batchnorm_2d: biases begin at 1e-3.
class SkipNorm : public nn::BatchNorm2d {
  public:
    SkipNorm(std::int64_t channels, bool relu) : BatchNorm2d(channels, nn::pytorch_batch_norm(relu)) {
        bias.init = init::constant(1e-3f);
    }
};

/// Twice the size: a 1x1 convolution to four times the channels, ReLU, pixel_shuffle, and the blur.
class PixelShuffleIcnr : public nn::Module {
  public:
    PixelShuffleIcnr(std::int64_t in, std::int64_t out, bool blur)
        : conv_(add<ConvLayer>("conv", in, 4 * out, 1, icnr)), blur_(blur) {}
    Tensor forward(const Tensor& x) override {
        const Tensor y = nn::pixel_shuffle(nn::relu(conv_.forward(x)), 2);
        return blur_ ? average_.forward(y) : y;
    }

  private:
    ConvLayer& conv_;
    bool blur_;
    // Each pixel with those above and to the left. The original repeats the first row and column instead of leaving
    // what lies outside out of the mean, which is the same.
    nn::AvgPool2d average_{{2, 2, 1, 1, {1, 0, 1, 0}}};
};

class UnetBlock : public nn::Module {
  public:
    UnetBlock(std::int64_t in, std::int64_t skip, std::int64_t out, bool blur)
        : up_(add<PixelShuffleIcnr>("shuf", in, in / 2, blur)),
          norm_(add<SkipNorm>("bn", skip, false)),
          conv1_(add<ConvLayerRelu>("conv1", in / 2 + skip, out)),
          conv2_(add<ConvLayerRelu>("conv2", out, out)) {}
    Tensor decode(const Tensor& x, const Tensor& skip) {
        Tensor up = up_.forward(x);
        if (up.dim(1) != skip.dim(1) || up.dim(2) != skip.dim(2)) {
            up = nn::resize(up, skip.dim(1), skip.dim(2), ResizeMode::nearest);
        }
        return conv2_.forward(conv1_.forward(nn::relu(nn::concat({up, norm_.forward(skip)}))));
    }

  private:
    PixelShuffleIcnr& up_;
    SkipNorm& norm_;
    ConvLayerRelu &conv1_, &conv2_;
};

/// Two convolutions and the sum with the input. The second's ReLU comes before the sum in fastai v1, after it in v2.
class ResBlock : public nn::Module {
  public:
    ResBlock(std::int64_t channels, Fastai style) : layers_(add<nn::Sequential>("layers")), style_(style) {
        layers_.push<ConvLayerRelu>(channels, channels);
        if (style == Fastai::v1) {
            layers_.push<ConvLayerRelu>(channels, channels);
        } else {
            layers_.push<ConvLayer>(channels, channels);
        }
    }
    Tensor forward(const Tensor& x) override {
        const Tensor sum = nn::add(layers_.forward(x), x);
        return style_ == Fastai::v1 ? sum : nn::relu(sum);
    }

  private:
    nn::Sequential& layers_;
    Fastai style_;
};

/// The original's list, where 2 is a ReLU and 9 the concatenation with the image.
class Layers : public nn::Module {
  public:
    explicit Layers(const DynamicUnetOptions& o) {
        auto encoder = make_resnet({.depth = ResnetDepth::resnet34,
                                    .width = o.width,
                                    .names = {.conv1 = "0", .bn1 = "1", .layers = {"4", "5", "6", "7"}}});
        encoder_ = encoder.get();
        adopt("0", std::move(encoder));
        const std::vector<std::int64_t> channels = encoder_->channels();
        std::int64_t in = channels.back();
        norm_ = &add<SkipNorm>("1", in, true);
        middle_ = &add<nn::Sequential>("3");
        middle_->push<ConvLayerRelu>(in, 2 * in);
        middle_->push<ConvLayerRelu>(2 * in, in);
        for (std::size_t i = 0; i < blocks_.size(); ++i) {
            const bool last = i + 1 == blocks_.size();
            const std::int64_t skip = channels[channels.size() - 2 - i], joined = in / 2 + skip;
            const std::int64_t out = last ? joined / 2 : joined;
            blocks_[i] = &add<UnetBlock>(std::to_string(4 + i), in, skip, out, o.blur && (!last || o.blur_final));
            in = out;
        }
        up_ = &add<PixelShuffleIcnr>("8", in, in, false);
        cross_ = &add<ResBlock>("10", in + 3, o.style);
        head_ = &add<ConvLayer>("11", in + 3, o.classes, 1, kaiming_normal, true);
    }

    Tensor forward(const Tensor& image) override {
        std::vector<Tensor> features = encoder_->features(image);
        Tensor x = middle_->forward(norm_->forward(features.back()));
        for (UnetBlock* block : blocks_) {
            features.pop_back();
            x = block->decode(x, features.back());
        }
        x = up_->forward(x);
        if (x.dim(1) != image.dim(1) || x.dim(2) != image.dim(2)) {
            x = nn::resize(x, image.dim(1), image.dim(2), ResizeMode::nearest);
        }
        return head_->forward(cross_->forward(nn::concat({x, image})));
    }

    const Encoder& encoder() const { return *encoder_; }

  private:
    Encoder* encoder_ = nullptr;
    SkipNorm* norm_ = nullptr;
    nn::Sequential* middle_ = nullptr;
    std::array<UnetBlock*, 4> blocks_{};
    PixelShuffleIcnr* up_ = nullptr;
    ResBlock* cross_ = nullptr;
    ConvLayer* head_ = nullptr;
};

class DynamicUnet : public NamedNet<DynamicUnetOptions> {
  public:
    DynamicUnet(const char* name, const DynamicUnetOptions& o) : NamedNet(name, o), layers_(add<Layers>("layers", o)) {}
    Original original() const override {
        return {.untraced = o_.style == Fastai::v2 ? "ReLU everywhere (act_cls, the default)" : ""};
    }
    int size_multiple() const override { return 1; }
    /// Two, as fastai splits a ResNet34 (vision/learner.py, _resnet_split): up to layer 2, and from layer 3 on.
    std::vector<std::vector<std::string>> encoder_stages() const override {
        std::vector<std::vector<std::string>> groups(2);
        const auto stages = stages_below("layers.0", layers_.encoder().stages());
        for (std::size_t i = 0; i < stages.size(); ++i) {
            auto& group = groups[i < 3 ? 0 : 1];
            group.insert(group.end(), stages[i].begin(), stages[i].end());
        }
        return groups;
    }

    Tensor forward(const Tensor& x) override {
        check_input(x);
        return layers_.forward(x);
    }

  private:
    Layers& layers_;
};

}  // namespace

NetInfo dynamic_unet_resnet34_info() {
    return info_of<DynamicUnet, DynamicUnetOptions>("dynamic-unet-resnet34",
                                                    "fastai's DynamicUnet on ResNet34 (41 M parameters)");
}

}  // namespace camber::nets
