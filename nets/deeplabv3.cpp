// DeepLabV3 (Chen et al. 2017, arXiv 1706.05587) as torchvision builds it
// (torchvision/models/segmentation/deeplabv3.py, fcn.py).
#include <fmt/format.h>

#include "encoders.h"
#include "named_net.h"
#include "registry.h"
#include "torch_layers.h"

namespace camber::nets {
namespace {

constexpr int aspp_channels = 256;

struct DeeplabOptions {
    int classes = 21;
    int width = 64;
    bool aux = true;
    double aux_weight = 0.5, dropout = 0.5, aux_dropout = 0.1;
};

void visit(OptionList& list, DeeplabOptions& o) {
    list.integer("classes", o.classes, 1, 255, classes_help);
    list.integer("width", o.width, 1, 1024, width_help);
    list.flag("aux", o.aux, "an auxiliary head on layer3, for training");
    list.fraction("aux_weight", o.aux_weight, 0, 100, "weight of the auxiliary head's loss");
    list.fraction("dropout", o.dropout, 0, 1, "rate after the pyramid's projection, at least 0 and below 1");
    list.fraction("aux_dropout", o.aux_dropout, 0, 1, "rate in the auxiliary head, at least 0 and below 1");
}

/// The mean over the image, a 1x1 convolution ("1"), batch norm ("2") and ReLU, at the input's size again.
class ImagePooling : public nn::Module {
  public:
    ImagePooling(std::int64_t in, std::int64_t out)
        : conv_(add<nn::Conv2d>("1", torch_conv({.in = in, .out = out, .kernel = 1}))),
          norm_(add<nn::BatchNorm2d>("2", out, nn::pytorch_batch_norm(true))) {}
    Tensor forward(const Tensor& x) override {
        return nn::resize(norm_.forward(conv_.forward(pool_.forward(x))), x.dim(1), x.dim(2), ResizeMode::bilinear);
    }

  private:
    nn::GlobalAvgPool pool_;
    nn::Conv2d& conv_;
    nn::BatchNorm2d& norm_;
};

/// Atrous spatial pyramid pooling: a 1x1 convolution, three dilated 3x3 ones and the pooled image side by side.
class Aspp : public nn::Module {
  public:
    Aspp(std::int64_t in, std::int64_t out, double dropout)
        : branches_(add<nn::ModuleList>("convs")), project_(add<nn::Sequential>("project")) {
        branches_.push<ConvNormRelu>(TorchConv{.in = in, .out = out, .kernel = 1});
        for (const int dilation : {12, 24, 36}) {
            branches_.push<ConvNormRelu>(TorchConv{.in = in, .out = out, .dilation = dilation});
        }
        branches_.push<ImagePooling>(in, out);
        project_.push<nn::Conv2d>(torch_conv({.in = 5 * out, .out = out, .kernel = 1}));
        project_.push<nn::BatchNorm2d>(out, nn::pytorch_batch_norm(true));
        project_.push<nn::Dropout>(dropout);
    }
    Tensor forward(const Tensor& x) override {
        std::vector<Tensor> parts;
        for (std::size_t i = 0; i < branches_.size(); ++i) parts.push_back(branches_[i].forward(x));
        return project_.forward(nn::concat(parts));
    }

  private:
    nn::ModuleList& branches_;
    nn::Sequential& project_;
};

class DeeplabHead : public nn::Module {
  public:
    DeeplabHead(std::int64_t in, std::int64_t channels, int classes, double dropout)
        : pyramid_(add<Aspp>("0", in, channels, dropout)),
          conv_(add<nn::Conv2d>("1", torch_conv({.in = channels, .out = channels}))),
          norm_(add<nn::BatchNorm2d>("2", channels, nn::pytorch_batch_norm(true))),
          logits_(add<nn::Conv2d>("4", torch_conv({.in = channels, .out = classes, .kernel = 1, .bias = true}))) {}
    Tensor forward(const Tensor& x) override {
        return logits_.forward(norm_.forward(conv_.forward(pyramid_.forward(x))));
    }

  private:
    Aspp& pyramid_;
    nn::Conv2d& conv_;
    nn::BatchNorm2d& norm_;
    nn::Conv2d& logits_;
};

/// torchvision's FCNHead (Long et al. 2015, arXiv 1411.4038), a quarter of the channels within.
class FcnHead : public nn::Module {
  public:
    FcnHead(std::int64_t in, int classes, double dropout)
        : conv_(add<nn::Conv2d>("0", torch_conv({.in = in, .out = in / 4}))),
          norm_(add<nn::BatchNorm2d>("1", in / 4, nn::pytorch_batch_norm(true))),
          dropout_(add<nn::Dropout>("3", dropout)),
          logits_(add<nn::Conv2d>("4", torch_conv({.in = in / 4, .out = classes, .kernel = 1, .bias = true}))) {}
    Tensor forward(const Tensor& x) override {
        return logits_.forward(dropout_.forward(norm_.forward(conv_.forward(x))));
    }

  private:
    nn::Conv2d& conv_;
    nn::BatchNorm2d& norm_;
    nn::Dropout& dropout_;
    nn::Conv2d& logits_;
};

/// An encoder whose last two layers are dilated instead of strided, so that it ends at 1/8.
template <ResnetDepth depth>
class Deeplab : public NamedNet<DeeplabOptions> {
  public:
    Deeplab(const char* name, const DeeplabOptions& o) : NamedNet(name, o) {
        auto encoder = make_resnet({.depth = depth, .width = o.width, .dilated = {false, true, true}});
        encoder_ = encoder.get();
        adopt("backbone", std::move(encoder));
        const std::vector<std::int64_t> channels = encoder_->channels();
        head_ = &add<DeeplabHead>("classifier", channels[4], aspp_channels * o.width / 64, o.classes, o.dropout);
        if (o.aux) aux_head_ = &add<FcnHead>("aux_classifier", channels[3], o.classes, o.aux_dropout);
    }
    int size_multiple() const override { return 1; }
    std::vector<std::vector<std::string>> encoder_stages() const override {
        return stages_below("backbone", encoder_->stages());
    }
    /// The image pooling's batch norm sees one value of each image.
    int least_batch() const override { return 2; }
    std::vector<std::string> training_paths() const override { return {"aux_classifier"}; }

    Tensor forward(const Tensor& x) override { return at_size_of(x, head_->forward(features(x)[4])); }

    Outputs forward_all(const Tensor& x) override {
        const std::vector<Tensor> stages = features(x);
        Outputs outputs{at_size_of(x, head_->forward(stages[4])), {}};
        if (aux_head_) outputs.auxiliary.emplace_back(at_size_of(x, aux_head_->forward(stages[3])), o_.aux_weight);
        return outputs;
    }

  private:
    std::vector<Tensor> features(const Tensor& x) {
        check_input(x);
        if (training() && x.dim(0) < least_batch() && x.device() != Device::meta) {
            fail_usage(
                "{}: training takes batches of two or more (--batch 2): the image pooling's batch norm sees one value "
                "of each image",
                name());
        }
        return encoder_->features(x);
    }
    static Tensor at_size_of(const Tensor& x, const Tensor& logits) {
        return nn::resize(logits, x.dim(1), x.dim(2), ResizeMode::bilinear);
    }

    Encoder* encoder_ = nullptr;
    DeeplabHead* head_ = nullptr;
    FcnHead* aux_head_ = nullptr;
};

}  // namespace

NetInfo deeplabv3_resnet50_info() {
    return info_of<Deeplab<ResnetDepth::resnet50>, DeeplabOptions>(
        "deeplabv3-resnet50",
        "torchvision's DeepLabV3 on a dilated ResNet50 (42 M parameters with the auxiliary head)");
}
NetInfo deeplabv3_resnet101_info() {
    return info_of<Deeplab<ResnetDepth::resnet101>, DeeplabOptions>(
        "deeplabv3-resnet101",
        "torchvision's DeepLabV3 on a dilated ResNet101 (60,996,202 parameters with the auxiliary head, 21 classes)");
}

}  // namespace camber::nets
