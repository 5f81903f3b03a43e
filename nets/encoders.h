#pragma once
#include <camber/module.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

/// Encoders of published classifiers, without their heads. Parameter names and order are the originals' own.
namespace camber::nets {

/// x [N, H, W, 3] to the features of every stage.
class Encoder : public nn::Module {
  public:
    /// Finest first.
    virtual std::vector<Tensor> features(const Tensor& x) = 0;
    /// Channels of each of features().
    virtual std::vector<std::int64_t> channels() const = 0;
    /// The coarsest of features().
    Tensor forward(const Tensor& x) override { return features(x).back(); }
    /// Paths of the layers between one halving of the size and the next, from the image on: what learns at one rate
    /// when rates differ with depth.
    const std::vector<std::vector<std::string>>& stages() const { return stages_; }

  protected:
    void put_in_stage(std::size_t stage, const std::string& path) {
        stages_.resize(std::max(stages_.size(), stage + 1));
        stages_[stage].push_back(path);
    }

  private:
    std::vector<std::vector<std::string>> stages_;
};

// ---- ResNets (He et al. 2015, arXiv 1512.03385)

enum class ResnetDepth { resnet34, resnet50, resnet101 };

/// torchvision names (torchvision/models/resnet.py); fastai numbers the same layers.
struct ResnetNames {
    std::string conv1 = "conv1", bn1 = "bn1";
    std::array<std::string, 4> layers = {"layer1", "layer2", "layer3", "layer4"};
};

struct ResnetOptions {
    ResnetDepth depth = ResnetDepth::resnet34;
    int width = 64;  ///< of the first stage; each stage doubles, bottlenecks end in four times as many
    /// Of layers 2, 3 and 4: a dilation twice as wide in place of stride 2, torchvision's replace_stride_with_dilation.
    std::array<bool, 3> dilated = {false, false, false};
    ResnetNames names = {};
};

/// torchvision's form. Features: the first convolution's (after batch norm and ReLU) at 1/2, then each layer's: 1/4,
/// 1/8, 1/16, 1/32 where nothing is dilated. conv1, bn1, layer1.0.conv1, ...
std::unique_ptr<Encoder> make_resnet(const ResnetOptions& options);

/// classification_models' ResNet34 (Keras), which segmentation_models uses: a batch norm without scale before the
/// first convolution (bn_data), batch norm and ReLU before each convolution, explicit zeros before each 3x3. Features:
/// relu0 at 1/2, the first activations of stages 2, 3 and 4 (at 1/4, 1/8, 1/16: from before their strides), relu1 at
/// 1/32. bn_data, conv0, bn0, stage1_unit1_bn1, ...
std::unique_ptr<Encoder> make_keras_resnet34(int width = 64);

// ---- VGG16 (Simonyan and Zisserman 2014, arXiv 1409.1556), configuration D

enum class VggForm {
    torchvision,             ///< features.0, features.2, ...
    torchvision_batch_norm,  ///< features.0, features.1, features.3, ...
    keras,                   ///< block1_conv1, ...
};

/// Features: each block's last activation (1, 1/2, 1/4, 1/8, 1/16) and the last pooling's output (1/32).
std::unique_ptr<Encoder> make_vgg16(VggForm form, int width = 64);

}  // namespace camber::nets
