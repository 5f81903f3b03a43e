#include <fmt/format.h>

#include <cmath>

#include "named_net.h"
#include "registry.h"
#include "size_policy.h"

namespace camber::nets {

static void visit(OptionList& list, UnetOptions& o) {
    static const std::vector<std::pair<std::string, Style>> styles = {{"keras", Style::keras},
                                                                      {"pytorch", Style::pytorch}};
    std::vector<std::pair<std::string, std::string>> inits = {{"default", "default"}};
    for (const std::string& name : init::names()) inits.emplace_back(name, name);
    list.integer("in_channels", o.in_channels, 1, 65536, "channels of the image");
    list.integer("classes", o.classes, 1, 255, classes_help);
    list.integer("width", o.width, 1, 1024, "filters of the first level; each of the next has twice as many");
    list.integer("depth", o.depth, 1, 8, "poolings; the input's size must be a multiple of 2^depth");
    list.flag("batch_norm", o.batch_norm, "batch normalisation after every 3x3 convolution");
    list.fraction("dropout", o.dropout, 0, 1, "rate, at least 0 and below 1");
    list.one_of("up_kernel", o.up_kernel, {2, 3}, "kernel of the transposed convolutions");
    list.one_of("head_kernel", o.head_kernel, {1, 3}, "kernel of the last convolution");
    list.choice("style", o.style, styles, "whose batch normalisation and initial values");
    list.choice("init", o.init, inits, "initial convolution weights, by default the style's");
    list.choice("input", o.input, input_ranges, input_help);
    list.choice("size_policy", o.size_policy, size_policies, "an input whose size does not fit");
}

namespace {

init::Initializer weight_init(const UnetOptions& o) {
    if (o.init != "default") return init::by_name(o.init);
    return o.style == Style::keras ? init::glorot_uniform() : init::kaiming_uniform(std::sqrt(5.0));
}

/// Keras starts biases at zero, PyTorch at random.
init::Initializer bias_init(const UnetOptions& o, const Shape& weight) {
    return o.style == Style::keras ? init::zeros() : init::pytorch_bias(weight);
}

nn::Conv2dOptions conv(const UnetOptions& o, int in, int out, int kernel) {
    return {.in = in,
            .out = out,
            .kernel_h = kernel,
            .kernel_w = kernel,
            .weight_init = weight_init(o),
            .bias_init = bias_init(o, {out, kernel, kernel, in})};
}

nn::ConvTranspose2dOptions up_conv(const UnetOptions& o, int in, int out) {
    return {.in = in,
            .out = out,
            .kernel_h = o.up_kernel,
            .kernel_w = o.up_kernel,
            .weight_init = weight_init(o),
            .bias_init = bias_init(o, {in, o.up_kernel, o.up_kernel, out})};
}

/// Two 3x3 convolutions, each with batch normalisation (if any) and ReLU.
class ConvBlock : public nn::Module {
  public:
    ConvBlock(const UnetOptions& o, int in, int out) { build(o, in, out); }
    Tensor forward(const Tensor& x) override { return activated(conv2_, bn2_, first(x)); }
    /// The same, and its maxima; with room for the decoder's features of the same size, which are as many.
    ops::NormalisedAndPooled forward_and_pool(const Tensor& x, nn::MaxPool2d& pool) {
        if (bn2_) return nn::conv_batch_norm_max_pool(*conv2_, *bn2_, pool, first(x), conv2_->options().out);
        const Tensor y = forward(x);
        return {y, pool.forward(y)};
    }

  protected:
    ConvBlock() = default;  // for blocks with children of their own before these

    void build(const UnetOptions& o, int in, int out) {
        const BatchNormParams norm =
            o.style == Style::keras ? nn::keras_batch_norm(true) : nn::pytorch_batch_norm(true);
        conv1_ = &add<nn::Conv2d>("conv1", conv(o, in, out, 3));
        if (o.batch_norm) bn1_ = &add<nn::BatchNorm2d>("bn1", out, norm);
        conv2_ = &add<nn::Conv2d>("conv2", conv(o, out, out, 3));
        if (o.batch_norm) bn2_ = &add<nn::BatchNorm2d>("bn2", out, norm);
    }

  private:
    static Tensor activated(nn::Conv2d* conv, nn::BatchNorm2d* norm, const Tensor& x) {
        return norm ? nn::conv_batch_norm(*conv, *norm, x) : nn::relu(conv->forward(x));
    }
    Tensor first(const Tensor& x) { return activated(conv1_, bn1_, x); }

    nn::Conv2d *conv1_ = nullptr, *conv2_ = nullptr;
    nn::BatchNorm2d *bn1_ = nullptr, *bn2_ = nullptr;
};

/// Doubles the size, takes in the encoder's features of that size, then a ConvBlock.
class DecoderBlock : public ConvBlock {
  public:
    DecoderBlock(const UnetOptions& o, int in, int out) : up_(add<nn::ConvTranspose2d>("up", up_conv(o, in, out))) {
        build(o, 2 * out, out);
    }
    Tensor decode(const Tensor& x, ops::NormalisedAndPooled skip) {
        return ConvBlock::forward(nn::concat_into(up_.forward(x), std::move(skip)));
    }

  private:
    nn::ConvTranspose2d& up_;
};

class Unet : public NamedNet<UnetOptions> {
  public:
    Unet(const char* name, const UnetOptions& o) : NamedNet(name, o) {
        auto& encoder = add<nn::ModuleList>("encoder");
        int channels = o.in_channels;
        for (int level = 0; level < o.depth; ++level) {
            encoder_.push_back(&encoder.push<ConvBlock>(o, channels, filters(level)));
            channels = filters(level);
        }
        bottleneck_ = &add<ConvBlock>("bottleneck", o, channels, filters(o.depth));
        auto& decoder = add<nn::ModuleList>("decoder");
        for (int level = o.depth - 1; level >= 0; --level) {
            decoder_.push_back(&decoder.push<DecoderBlock>(o, filters(level + 1), filters(level)));
        }
        nn::Conv2dOptions head = conv(o, filters(0), o.classes, o.head_kernel);
        head.head = true;
        head_ = &add<nn::Conv2d>("head", head);
        pool_ = &add<nn::MaxPool2d>("pool");
        for (int i = 0; i < o.depth + 1; ++i)
            dropouts_.push_back(&add<nn::Dropout>(fmt::format("dropout{}", i), o.dropout));
    }

    int in_channels() const override { return o_.in_channels; }
    int size_multiple() const override { return 1 << o_.depth; }
    Original original() const override {
        return {.library = o_.style == Style::keras ? Library::keras : Library::pytorch, .names_layers = false};
    }

    Preprocessing preprocessing() const override {
        return o_.input == InputRange::unit ? Preprocessing() : imagenet_preprocessing();
    }

    Tensor forward(const Tensor& x) override {
        check_input(x);
        return with_size_policy(name(), x, size_multiple(), o_.size_policy,
                                [this](const Tensor& image) { return run(image); });
    }

  private:
    int filters(int level) const { return o_.width << level; }

    Tensor run(const Tensor& image) {
        auto dropout = dropouts_.begin();
        std::vector<ops::NormalisedAndPooled> skips;
        Tensor x = image;
        for (ConvBlock* block : encoder_) {
            skips.push_back(block->forward_and_pool(x, *pool_));
            x = std::exchange(skips.back().pooled, {});
        }
        x = (*dropout++)->forward(x);
        x = bottleneck_->forward(x);
        x = (*dropout++)->forward(x);
        for (DecoderBlock* block : decoder_) {
            x = block->decode(x, std::move(skips.back()));
            skips.pop_back();
            if (dropout != dropouts_.end()) x = (*dropout++)->forward(x);
        }
        return head_->forward(x);
    }

    std::vector<ConvBlock*> encoder_;
    ConvBlock* bottleneck_;
    std::vector<DecoderBlock*> decoder_;
    nn::Conv2d* head_;
    nn::MaxPool2d* pool_;
    std::vector<nn::Dropout*> dropouts_;  // after the last pooling, the bottleneck, all decoder blocks but the last
};

constexpr const char* unet_name = "unet";

}  // namespace

UnetOptions unet_options(const nlohmann::json& options) { return read_options<UnetOptions>(unet_name, options); }

nlohmann::json to_json(const UnetOptions& options) { return options_json(options); }

std::unique_ptr<Net> make_unet(const UnetOptions& options) {
    return std::make_unique<Unet>(unet_name, unet_options(to_json(options)));  // one place checks the values
}

NetInfo unet_info() {
    return info_of<Unet, UnetOptions>(
        unet_name, "U-Net trained from scratch, 64 to 1024 filters (31 M parameters) at the default width");
}

}  // namespace camber::nets
