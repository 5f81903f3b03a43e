#include "encoders.h"
#include "torch_layers.h"

namespace camber::nets {
namespace {

/// Configuration D: convolutions per block, each block followed by a pooling; filters 64, 128, 256, 512, 512.
constexpr std::array<int, 5> convs_per_block = {2, 2, 3, 3, 3};

class Vgg16 : public Encoder {
  public:
    std::vector<Tensor> features(const Tensor& x) override {
        std::vector<Tensor> result;
        Tensor y = x;
        for (const std::vector<Step>& block : blocks_) {
            const Step& last = block.back();
            for (const auto& [conv, norm] : block) {
                if (norm && conv == last.conv) break;
                y = norm ? nn::conv_batch_norm(*conv, *norm, y) : nn::relu(conv->forward(y));
            }
            const ops::NormalisedAndPooled level = last.norm
                                                       ? nn::conv_batch_norm_max_pool(*last.conv, *last.norm, pool_, y)
                                                       : ops::NormalisedAndPooled{y, pool_.forward(y)};
            result.push_back(level.y());
            y = level.pooled;
        }
        result.push_back(y);
        return result;
    }
    std::vector<std::int64_t> channels() const override { return channels_; }

  protected:
    struct Step {
        nn::Conv2d* conv;
        nn::BatchNorm2d* norm;  ///< null without
    };

    /// `make(block, index, in, out)` adds one convolution.
    template <class Make>
    void build(int width, Make make) {
        std::int64_t in = 3;
        for (std::size_t block = 0; block < blocks_.size(); ++block) {
            const std::int64_t out = static_cast<std::int64_t>(width) << std::min<std::size_t>(block, 3);
            for (int i = 0; i < convs_per_block[block]; ++i) {
                blocks_[block].push_back(make(block, i, in, out));
                in = out;
            }
            channels_.push_back(out);
        }
        channels_.push_back(in);
    }

  private:
    std::array<std::vector<Step>, convs_per_block.size()> blocks_;
    nn::MaxPool2d pool_;
    std::vector<std::int64_t> channels_;
};

/// torchvision/models/vgg.py: everything numbered, ReLUs and poolings too.
class TorchVgg16 : public Vgg16 {
  public:
    TorchVgg16(int width, bool batch_norm) {
        auto& layers = add<Numbered>("features");
        int number = 0;
        std::size_t last_block = 0;
        build(width, [&](std::size_t block, int, std::int64_t in, std::int64_t out) {
            if (std::exchange(last_block, block) != block) ++number;  // the pooling between
            put_in_stage(block, fmt::format("features.{}", number));
            Step step{&layers.put<nn::Conv2d>(number++, torch_conv({.in = in,
                                                                    .out = out,
                                                                    .bias = true,
                                                                    .weight_init = init::kaiming_normal_fan_out(),
                                                                    .bias_init = init::zeros()})),
                      nullptr};
            if (batch_norm) {
                put_in_stage(block, fmt::format("features.{}", number));
                step.norm = &layers.put<nn::BatchNorm2d>(number++, out, nn::pytorch_batch_norm(true));
            }
            ++number;  // ReLU
            return step;
        });
    }

  private:
    class Numbered : public nn::Module {
      public:
        template <class M, class... Args>
        M& put(int number, Args&&... args) {
            return add<M>(std::to_string(number), std::forward<Args>(args)...);
        }
    };
};

/// keras.applications.VGG16.
class KerasVgg16 : public Vgg16 {
  public:
    explicit KerasVgg16(int width) {
        build(width, [&](std::size_t block, int i, std::int64_t in, std::int64_t out) {
            const std::string name = fmt::format("block{}_conv{}", block + 1, i + 1);
            put_in_stage(block, name);
            return Step{&add<nn::Conv2d>(name, nn::Conv2dOptions{.in = in, .out = out}), nullptr};
        });
    }
};

}  // namespace

std::unique_ptr<Encoder> make_vgg16(VggForm form, int width) {
    if (form == VggForm::keras) return std::make_unique<KerasVgg16>(width);
    return std::make_unique<TorchVgg16>(width, form == VggForm::torchvision_batch_norm);
}

}  // namespace camber::nets
