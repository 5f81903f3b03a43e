#include "encoders.h"
#include "torch_layers.h"

namespace camber::nets {
namespace {

TorchConv resnet_conv(std::int64_t in, std::int64_t out, int kernel, int stride = 1, int dilation = 1) {
    return {.in = in,
            .out = out,
            .kernel = kernel,
            .stride = stride,
            .dilation = dilation,
            .weight_init = init::kaiming_normal_fan_out()};
}

/// What a block adds to its convolutions' output: its input, through a 1x1 convolution where the shape changes.
class Shortcut : public nn::Sequential {
  public:
    Shortcut(std::int64_t in, std::int64_t out, int stride) {
        push<nn::Conv2d>(torch_conv(resnet_conv(in, out, 1, stride)));
        push<nn::BatchNorm2d>(out, nn::pytorch_batch_norm());
    }
};

struct BlockShape {
    std::int64_t in = 0, width = 0;
    int stride = 1, dilation = 1;
};

/// Two 3x3 convolutions.
class BasicBlock : public nn::Module {
  public:
    static constexpr int expansion = 1;

    explicit BasicBlock(const BlockShape& s)
        : conv1_(add<nn::Conv2d>("conv1", torch_conv(resnet_conv(s.in, s.width, 3, s.stride)))),
          bn1_(add<nn::BatchNorm2d>("bn1", s.width, nn::pytorch_batch_norm(true))),
          conv2_(add<nn::Conv2d>("conv2", torch_conv(resnet_conv(s.width, s.width, 3)))),
          bn2_(add<nn::BatchNorm2d>("bn2", s.width, nn::pytorch_batch_norm(true))) {
        if (s.stride != 1 || s.in != s.width) shortcut_ = &add<Shortcut>("downsample", s.in, s.width, s.stride);
    }
    Tensor forward(const Tensor& x) override {
        const Tensor y = conv2_.forward(bn1_.forward(conv1_.forward(x)));
        return bn2_.forward(y, shortcut_ ? shortcut_->forward(x) : x);
    }

  private:
    nn::Conv2d& conv1_;
    nn::BatchNorm2d& bn1_;
    nn::Conv2d& conv2_;
    nn::BatchNorm2d& bn2_;
    Shortcut* shortcut_ = nullptr;
};

/// 1x1 to `width`, 3x3 with the stride and dilation (torchvision's, called ResNet V1.5), 1x1 to four times `width`.
class Bottleneck : public nn::Module {
  public:
    static constexpr int expansion = 4;

    explicit Bottleneck(const BlockShape& s)
        : conv1_(add<nn::Conv2d>("conv1", torch_conv(resnet_conv(s.in, s.width, 1)))),
          bn1_(add<nn::BatchNorm2d>("bn1", s.width, nn::pytorch_batch_norm(true))),
          conv2_(add<nn::Conv2d>("conv2", torch_conv(resnet_conv(s.width, s.width, 3, s.stride, s.dilation)))),
          bn2_(add<nn::BatchNorm2d>("bn2", s.width, nn::pytorch_batch_norm(true))),
          conv3_(add<nn::Conv2d>("conv3", torch_conv(resnet_conv(s.width, expansion * s.width, 1)))),
          bn3_(add<nn::BatchNorm2d>("bn3", expansion * s.width, nn::pytorch_batch_norm(true))) {
        if (s.stride != 1 || s.in != expansion * s.width) {
            shortcut_ = &add<Shortcut>("downsample", s.in, expansion * s.width, s.stride);
        }
    }
    Tensor forward(const Tensor& x) override {
        const Tensor y = conv3_.forward(bn2_.forward(conv2_.forward(bn1_.forward(conv1_.forward(x)))));
        return bn3_.forward(y, shortcut_ ? shortcut_->forward(x) : x);
    }

  private:
    nn::Conv2d& conv1_;
    nn::BatchNorm2d& bn1_;
    nn::Conv2d& conv2_;
    nn::BatchNorm2d& bn2_;
    nn::Conv2d& conv3_;
    nn::BatchNorm2d& bn3_;
    Shortcut* shortcut_ = nullptr;
};

std::array<int, 4> block_counts(ResnetDepth depth) {
    if (depth == ResnetDepth::resnet101) return {3, 4, 23, 3};
    return {3, 4, 6, 3};
}

template <class Block>
class Resnet : public Encoder {
  public:
    explicit Resnet(const ResnetOptions& o) {
        conv1_ = &add<nn::Conv2d>(o.names.conv1, torch_conv(resnet_conv(3, o.width, 7, 2)));
        bn1_ = &add<nn::BatchNorm2d>(o.names.bn1, o.width, nn::pytorch_batch_norm(true));
        put_in_stage(0, o.names.conv1);
        put_in_stage(0, o.names.bn1);
        channels_.push_back(o.width);
        const std::array<int, 4> counts = block_counts(o.depth);
        int dilation = 1;
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            layers_[i] = &add<nn::Sequential>(o.names.layers[i]);
            put_in_stage(i + 1, o.names.layers[i]);
            const bool dilated = i > 0 && o.dilated[i - 1];
            // The block that would have strided keeps the dilation before it, those after it take the new one.
            BlockShape shape{channels_.back(), static_cast<std::int64_t>(o.width) << i, i > 0 && !dilated ? 2 : 1,
                             dilation};
            if (dilated) dilation *= 2;
            for (int block = 0; block < counts[i]; ++block) {
                layers_[i]->push<Block>(shape);
                shape = {Block::expansion * shape.width, shape.width, 1, dilation};
            }
            channels_.push_back(shape.in);
        }
    }

    std::vector<Tensor> features(const Tensor& x) override {
        std::vector<Tensor> result = {bn1_->forward(conv1_->forward(x))};
        Tensor y = pool_.forward(result[0]);
        for (nn::Sequential* layer : layers_) result.push_back(y = layer->forward(y));
        return result;
    }
    std::vector<std::int64_t> channels() const override { return channels_; }

  private:
    nn::Conv2d* conv1_;
    nn::BatchNorm2d* bn1_;
    nn::MaxPool2d pool_{{3, 3, 2, 2, {1, 1, 1, 1}}};
    std::array<nn::Sequential*, 4> layers_;
    std::vector<std::int64_t> channels_;
};

}  // namespace

std::unique_ptr<Encoder> make_resnet(const ResnetOptions& options) {
    if (options.depth == ResnetDepth::resnet34) return std::make_unique<Resnet<BasicBlock>>(options);
    return std::make_unique<Resnet<Bottleneck>>(options);
}

}  // namespace camber::nets
