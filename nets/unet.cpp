#include <cmath>

#include "options.h"
#include "registry.h"
#include "size_policy.h"

namespace camber::nets {
namespace {

constexpr const char* unet_name = "unet";

using nlohmann::json;

const std::vector<std::pair<std::string, Style>> styles = {{"keras", Style::keras}, {"pytorch", Style::pytorch}};

std::vector<std::pair<std::string, std::string>> init_choices() {
    std::vector<std::pair<std::string, std::string>> choices = {{"default", "default"}};
    for (const std::string& name : init::names()) choices.emplace_back(name, name);
    return choices;
}

template <class T>
const std::string& text_of(const std::vector<std::pair<std::string, T>>& choices, T value) {
    const auto found = std::find_if(choices.begin(), choices.end(), [value](auto& c) { return c.second == value; });
    return found->first;
}

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

class Unet : public Net {
  public:
    explicit Unet(const UnetOptions& o) : options_(o) {
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

    const char* name() const override { return unet_name; }
    json options() const override { return to_json(options_); }
    int in_channels() const override { return options_.in_channels; }
    int classes() const override { return options_.classes; }
    int size_multiple() const override { return 1 << options_.depth; }

    Tensor forward(const Tensor& x) override {
        if (x.shape().rank() != 4 || x.dim(3) != options_.in_channels) {
            fail("unet: the input is {}, this network takes [N, H, W, {}]", x.shape().str(), options_.in_channels);
        }
        return with_size_policy(unet_name, x, size_multiple(), options_.size_policy,
                                [this](const Tensor& image) { return run(image); });
    }

  private:
    int filters(int level) const { return options_.width << level; }

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

    UnetOptions options_;
    std::vector<ConvBlock*> encoder_;
    ConvBlock* bottleneck_;
    std::vector<DecoderBlock*> decoder_;
    nn::Conv2d* head_;
    nn::MaxPool2d* pool_;
    std::vector<nn::Dropout*> dropouts_;  // after the last pooling, the bottleneck, all decoder blocks but the last
};

}  // namespace

UnetOptions unet_options(const json& options) {
    UnetOptions o;
    OptionReader reader(unet_name, options);
    reader.integer("in_channels", o.in_channels, 1, 65536);
    reader.integer("classes", o.classes, 1, 255);
    reader.integer("width", o.width, 1, 1024);
    reader.integer("depth", o.depth, 1, 8);
    reader.flag("batch_norm", o.batch_norm);
    reader.fraction("dropout", o.dropout, 0, 1);
    reader.one_of("up_kernel", o.up_kernel, {2, 3});
    reader.one_of("head_kernel", o.head_kernel, {1, 3});
    reader.choice("style", o.style, styles);
    reader.choice("init", o.init, init_choices());
    reader.choice("size_policy", o.size_policy, size_policies);
    reader.finish();
    return o;
}

json to_json(const UnetOptions& o) {
    return {{"in_channels", o.in_channels},
            {"classes", o.classes},
            {"width", o.width},
            {"depth", o.depth},
            {"batch_norm", o.batch_norm},
            {"dropout", o.dropout},
            {"up_kernel", o.up_kernel},
            {"head_kernel", o.head_kernel},
            {"style", text_of(styles, o.style)},
            {"init", o.init},
            {"size_policy", text_of(size_policies, o.size_policy)}};
}

std::unique_ptr<Net> make_unet(const UnetOptions& options) {
    return std::make_unique<Unet>(unet_options(to_json(options)));  // one place checks the values
}

NetInfo unet_info() {
    const json defaults = to_json(UnetOptions{});
    const std::vector<std::pair<const char*, std::string>> help = {
        {"in_channels", "channels of the image"},
        {"classes", "classes to tell apart"},
        {"width", "filters of the first level; each of the next has twice as many"},
        {"depth", "poolings; the input's size must be a multiple of 2^depth"},
        {"batch_norm", "batch normalisation after every 3x3 convolution: true or false"},
        {"dropout", "rate, at least 0 and below 1"},
        {"up_kernel", "kernel of the transposed convolutions: 2 or 3"},
        {"head_kernel", "kernel of the last convolution: 1 or 3"},
        {"style", "whose batch normalisation and initial values: keras or pytorch"},
        {"init", fmt::format("initial convolution weights: default (the style's), {}", fmt::join(init::names(), ", "))},
        {"size_policy", "an input whose size does not fit: error or pad"},
    };
    NetInfo info;
    info.name = unet_name;
    info.description = "U-Net trained from scratch, 64 to 1024 filters (31 M parameters) at the default width";
    for (const auto& [key, text] : help) info.options.push_back({key, defaults.at(key), text});
    info.make = [](const json& options) { return make_unet(unet_options(options)); };
    return info;
}

}  // namespace camber::nets
