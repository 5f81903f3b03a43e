// U-Net with a pretrained encoder as segmentation_models builds it for Keras (models/unet.py, 1.0.1). Layers have
// Keras's names, at the root.
#include <fmt/format.h>

#include "encoders.h"
#include "keras_layers.h"
#include "named_net.h"
#include "registry.h"
#include "size_policy.h"

namespace camber::nets {
namespace {

enum class DecoderKind { upsampling, transpose };

struct KerasUnetOptions {
    int classes = 1;
    int width = 64;
    DecoderKind decoder = DecoderKind::upsampling;
    bool batch_norm = true;
    InputRange input = InputRange::original;
    SizePolicy size_policy = SizePolicy::error;
};

const std::vector<std::pair<std::string, DecoderKind>> decoder_kinds = {{"upsampling", DecoderKind::upsampling},
                                                                        {"transpose", DecoderKind::transpose}};

void visit(OptionList& list, KerasUnetOptions& o) {
    list.integer("classes", o.classes, 1, 255, classes_help);
    list.integer("width", o.width, 1, 1024, width_help);
    list.choice("decoder", o.decoder, decoder_kinds, "how decoder blocks double the size");
    list.flag("batch_norm", o.batch_norm, "batch normalisation in the decoder");
    list.choice("input", o.input, input_ranges, input_help);
    list.choice("size_policy", o.size_policy, size_policies, "an input whose size does not fit");
}

/// Conv2dBn: NAME_conv, and NAME_bn or a bias, and ReLU.
class ConvRelu : public nn::Module {
  public:
    ConvRelu(const std::string& name, std::int64_t in, std::int64_t out, bool batch_norm)
        : conv_(add<nn::Conv2d>(
              name + "_conv",
              nn::Conv2dOptions{.in = in, .out = out, .bias = !batch_norm, .weight_init = init::he_uniform()})) {
        if (batch_norm) norm_ = &add<nn::BatchNorm2d>(name + "_bn", out, fused_keras_batch_norm(true));
    }
    Tensor forward(const Tensor& x) override {
        const Tensor y = conv_.forward(x);
        return norm_ ? norm_->forward(y) : nn::relu(y);
    }

  private:
    nn::Conv2d& conv_;
    nn::BatchNorm2d* norm_ = nullptr;
};

class DecoderBlock : public nn::Module {
  public:
    /// x at twice the size, with the encoder's features of that size where there are any.
    virtual Tensor decode(const Tensor& x, const Tensor& skip) = 0;

  protected:
    ConvRelu* add_conv(const std::string& name, std::int64_t in, std::int64_t out, bool batch_norm) {
        auto block = std::make_unique<ConvRelu>(name, in, out, batch_norm);
        ConvRelu* result = block.get();
        adopt_merged(std::move(block));
        return result;
    }
    static Tensor joined(const Tensor& up, const Tensor& skip) { return skip ? nn::concat({up, skip}) : up; }
};

class UpsamplingBlock : public DecoderBlock {
  public:
    UpsamplingBlock(const std::string& name, std::int64_t in, std::int64_t skip, std::int64_t out, bool batch_norm)
        : first_(add_conv(name + "a", in + skip, out, batch_norm)),
          second_(add_conv(name + "b", out, out, batch_norm)) {}
    Tensor decode(const Tensor& x, const Tensor& skip) override {
        return second_->forward(first_->forward(joined(up_.forward(x), skip)));
    }

  private:
    nn::Upsample up_{2, ResizeMode::nearest};
    ConvRelu *first_, *second_;
};

class TransposeBlock : public DecoderBlock {
  public:
    TransposeBlock(const std::string& name, std::int64_t in, std::int64_t skip, std::int64_t out, bool batch_norm)
        : up_(add<nn::ConvTranspose2d>(
              name + "a_transpose",
              nn::ConvTranspose2dOptions{.in = in, .out = out, .kernel_h = 4, .kernel_w = 4, .bias = !batch_norm})) {
        if (batch_norm) norm_ = &add<nn::BatchNorm2d>(name + "a_bn", out, fused_keras_batch_norm(true));
        conv_ = add_conv(name + "b", out + skip, out, batch_norm);
    }
    Tensor decode(const Tensor& x, const Tensor& skip) override {
        const Tensor up = up_.forward(x);
        return conv_->forward(joined(norm_ ? norm_->forward(up) : nn::relu(up), skip));
    }

  private:
    nn::ConvTranspose2d& up_;
    nn::BatchNorm2d* norm_ = nullptr;
    ConvRelu* conv_ = nullptr;
};

enum class KerasEncoder { resnet34, vgg16 };

template <KerasEncoder kind>
class KerasUnet : public NamedNet<KerasUnetOptions> {
  public:
    KerasUnet(const char* name, const KerasUnetOptions& o) : NamedNet(name, o) {
        encoder_ =
            merge(kind == KerasEncoder::resnet34 ? make_keras_resnet34(o.width) : make_vgg16(VggForm::keras, o.width));
        std::vector<std::int64_t> skips = encoder_->channels();
        std::int64_t in = skips.back();
        if (kind == KerasEncoder::vgg16) {  // whose last layer is a pooling
            for (int i = 1; i <= 2; ++i) {
                center_.push_back(merge(
                    std::make_unique<ConvRelu>(fmt::format("center_block{}", i), in, 8L * o.width, o.batch_norm)));
                in = 8L * o.width;
            }
        }
        for (int stage = 0; stage < stages; ++stage) {
            skips.pop_back();
            const std::int64_t skip = has_skip(stage) ? skips.back() : 0;
            const std::int64_t out = std::max(1, 4 * o.width >> stage);  // 256, 128, 64, 32, 16 in the original
            blocks_.push_back(merge(make_block(fmt::format("decoder_stage{}", stage), in, skip, out)));
            in = out;
        }
        head_ = &add<nn::Conv2d>("final_conv", nn::Conv2dOptions{.in = in, .out = o.classes, .head = true});
    }

    int size_multiple() const override { return 1 << stages; }
    Original original() const override { return {.library = Library::keras}; }
    /// segmentation_models itself feeds ResNet34 with pixels as they are, 0..255.
    Preprocessing preprocessing() const override {
        if (o_.input == InputRange::unit) return {};
        return kind == KerasEncoder::resnet34 ? Preprocessing{.scale = 1} : caffe_preprocessing();
    }
    std::vector<std::vector<std::string>> encoder_stages() const override { return encoder_->stages(); }

    Tensor forward(const Tensor& x) override {
        check_input(x);
        return with_size_policy(name(), x, size_multiple(), o_.size_policy,
                                [this](const Tensor& image) { return run(image); });
    }

  private:
    static constexpr int stages = 5;
    /// Four of the encoder's features are skips: VGG16's full-size ones are not.
    static bool has_skip(int stage) { return stage < stages - 1; }

    template <class M>
    M* merge(std::unique_ptr<M> child) {
        M* result = child.get();
        adopt_merged(std::move(child));
        return result;
    }
    std::unique_ptr<DecoderBlock> make_block(const std::string& name, std::int64_t in, std::int64_t skip,
                                             std::int64_t out) const {
        if (o_.decoder == DecoderKind::transpose)
            return std::make_unique<TransposeBlock>(name, in, skip, out, o_.batch_norm);
        return std::make_unique<UpsamplingBlock>(name, in, skip, out, o_.batch_norm);
    }

    Tensor run(const Tensor& image) {
        std::vector<Tensor> features = encoder_->features(image);
        Tensor x = features.back();
        for (ConvRelu* conv : center_) x = conv->forward(x);
        int stage = 0;
        for (DecoderBlock* block : blocks_) {
            features.pop_back();
            x = block->decode(x, has_skip(stage++) ? features.back() : Tensor());
        }
        return head_->forward(x);
    }

    Encoder* encoder_ = nullptr;
    std::vector<ConvRelu*> center_;
    std::vector<DecoderBlock*> blocks_;
    nn::Conv2d* head_ = nullptr;
};

}  // namespace

NetInfo keras_unet_resnet34_info() {
    return info_of<KerasUnet<KerasEncoder::resnet34>, KerasUnetOptions>(
        "unet-resnet34", "segmentation_models' U-Net on ResNet34 (24,456,154 parameters, one class)");
}
NetInfo keras_unet_vgg16_info() {
    return info_of<KerasUnet<KerasEncoder::vgg16>, KerasUnetOptions>(
        "unet-vgg16", "segmentation_models' U-Net on VGG16 (23,752,273 parameters, one class)");
}

}  // namespace camber::nets
