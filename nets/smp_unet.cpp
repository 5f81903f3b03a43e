// U-Net with a pretrained encoder as segmentation_models.pytorch builds it (decoders/unet, 0.6.0).
#include <fmt/format.h>

#include "encoders.h"
#include "named_net.h"
#include "registry.h"
#include "torch_layers.h"

namespace camber::nets {
namespace {

struct SmpUnetOptions {
    int classes = 1;
    int width = 64;
    bool batch_norm = true;
    int head_kernel = 3;
};

void visit(OptionList& list, SmpUnetOptions& o) {
    list.integer("classes", o.classes, 1, 255, classes_help);
    list.integer("width", o.width, 1, 1024, width_help);
    list.flag("batch_norm", o.batch_norm, "batch normalisation in the decoder");
    list.one_of("head_kernel", o.head_kernel, {1, 3}, "kernel of the last convolution, 1 in versions before 0.1");
}

/// A 3x3 convolution ("0"), batch norm ("1") or, without, a bias, and ReLU: md.Conv2dReLU.
class ConvRelu : public nn::Module {
  public:
    ConvRelu(std::int64_t in, std::int64_t out, bool batch_norm)
        : conv_(add<nn::Conv2d>("0", torch_conv({.in = in,
                                                 .out = out,
                                                 .bias = !batch_norm,
                                                 .weight_init = init::he_uniform(),
                                                 .bias_init = init::zeros()}))) {
        if (batch_norm) norm_ = &add<nn::BatchNorm2d>("1", out, nn::pytorch_batch_norm(true));
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
    DecoderBlock(std::int64_t in, std::int64_t skip, std::int64_t out, bool batch_norm)
        : conv1_(add<ConvRelu>("conv1", in + skip, out, batch_norm)),
          conv2_(add<ConvRelu>("conv2", out, out, batch_norm)) {}
    /// x at height x width, with the encoder's features of that size where there are any.
    Tensor decode(const Tensor& x, std::int64_t height, std::int64_t width, const Tensor& skip) {
        const Tensor up = nn::resize(x, height, width, ResizeMode::nearest);
        return conv2_.forward(conv1_.forward(skip ? nn::concat({up, skip}) : up));
    }

  private:
    ConvRelu &conv1_, &conv2_;
};

class Decoder : public nn::Module {
  public:
    /// `skips`: channels of the encoder's features at 1/2, 1/4, 1/8, 1/16 and 1/32.
    Decoder(const std::vector<std::int64_t>& skips, const SmpUnetOptions& o, bool center_block) {
        std::int64_t in = skips.back();
        if (center_block) {
            center_ = &add<nn::Sequential>("center");
            for (int i = 0; i < 2; ++i) center_->push<ConvRelu>(in, in, o.batch_norm);
        }
        auto& blocks = add<nn::ModuleList>("blocks");
        for (std::size_t i = 0; i < skips.size(); ++i) {
            const std::int64_t skip = i + 1 < skips.size() ? skips[skips.size() - 2 - i] : 0;
            const std::int64_t out = std::max(1, 4 * o.width >> i);  // 256, 128, 64, 32, 16 in the original
            blocks_.push_back(&blocks.push<DecoderBlock>(in, skip, out, o.batch_norm));
            in = out;
        }
    }
    /// `features` at 1/2 to 1/32.
    Tensor decode(std::vector<Tensor> features, std::int64_t height, std::int64_t width) {
        Tensor x = center_ ? center_->forward(features.back()) : features.back();
        for (DecoderBlock* block : blocks_) {
            features.pop_back();
            const Tensor skip = features.empty() ? Tensor() : features.back();
            x = block->decode(x, skip ? skip.dim(1) : height, skip ? skip.dim(2) : width, skip);
        }
        return x;
    }

  private:
    nn::Sequential* center_ = nullptr;
    std::vector<DecoderBlock*> blocks_;
};

enum class SmpEncoder { resnet34, vgg16, vgg16_bn };

template <SmpEncoder kind>
class SmpUnet : public NamedNet<SmpUnetOptions> {
  public:
    SmpUnet(const char* name, const SmpUnetOptions& o) : NamedNet(name, o) {
        std::unique_ptr<Encoder> encoder = make_encoder(o.width);
        encoder_ = encoder.get();
        adopt("encoder", std::move(encoder));
        std::vector<std::int64_t> skips = encoder_->channels();
        if (full_size_features) skips.erase(skips.begin());
        decoder_ = &add<Decoder>("decoder", skips, o, kind != SmpEncoder::resnet34);
        head_ = &add<nn::Sequential>("segmentation_head");
        head_->push<nn::Conv2d>(torch_conv({.in = std::max(1, o.width / 4),
                                            .out = o.classes,
                                            .kernel = o.head_kernel,
                                            .bias = true,
                                            .weight_init = init::xavier_uniform(),
                                            .bias_init = init::zeros(),
                                            .head = true}));
    }
    int size_multiple() const override { return 1; }
    Original original() const override {
        return {.untraced =
                    "nearest-neighbour upsampling in the decoder (decoder_interpolation='nearest', the default)"};
    }
    std::vector<std::vector<std::string>> encoder_stages() const override {
        return stages_below("encoder", encoder_->stages());
    }

    Tensor forward(const Tensor& x) override {
        check_input(x);
        std::vector<Tensor> features = encoder_->features(x);
        if (full_size_features) features.erase(features.begin());  // the original leaves them out
        return head_->forward(decoder_->decode(std::move(features), x.dim(1), x.dim(2)));
    }

  private:
    static constexpr bool full_size_features = kind != SmpEncoder::resnet34;

    static std::unique_ptr<Encoder> make_encoder(int width) {
        if (kind == SmpEncoder::vgg16) return make_vgg16(VggForm::torchvision, width);
        if (kind == SmpEncoder::vgg16_bn) return make_vgg16(VggForm::torchvision_batch_norm, width);
        return make_resnet({.depth = ResnetDepth::resnet34, .width = width});
    }

    Encoder* encoder_ = nullptr;
    Decoder* decoder_ = nullptr;
    nn::Sequential* head_ = nullptr;
};

}  // namespace

NetInfo smp_unet_resnet34_info() {
    return info_of<SmpUnet<SmpEncoder::resnet34>, SmpUnetOptions>(
        "smp-unet-resnet34", "segmentation_models.pytorch's U-Net on ResNet34 (24.4 M parameters)");
}
NetInfo smp_unet_vgg16_info() {
    return info_of<SmpUnet<SmpEncoder::vgg16>, SmpUnetOptions>(
        "smp-unet-vgg16", "segmentation_models.pytorch's U-Net on VGG16 (23.7 M parameters)");
}
NetInfo smp_unet_vgg16_bn_info() {
    return info_of<SmpUnet<SmpEncoder::vgg16_bn>, SmpUnetOptions>(
        "smp-unet-vgg16-bn", "segmentation_models.pytorch's U-Net on VGG16 with batch norm (23.8 M parameters)");
}

}  // namespace camber::nets
