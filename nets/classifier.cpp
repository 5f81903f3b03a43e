// ImageNet classifiers: an encoder and its head, so that imported weights can be proved on whole logits.
#include <fmt/format.h>

#include "encoders.h"
#include "named_net.h"
#include "registry.h"

namespace camber::nets {
namespace {

struct ResnetClassifierOptions {
    int classes = 1000;
    int width = 64;
};

void visit(OptionList& list, ResnetClassifierOptions& o) {
    list.integer("classes", o.classes, 1, 65535, classes_help);
    list.integer("width", o.width, 1, 1024, width_help);
}

class Classifier : public NamedNet<ResnetClassifierOptions> {
  public:
    using NamedNet::NamedNet;
    int size_multiple() const override { return 1; }
    Task task() const override { return Task::classification; }

    Tensor forward(const Tensor& x) override {
        check_input(x);
        return head_->forward(pool_.forward(encoder_->forward(x)));
    }

  protected:
    void build(std::unique_ptr<Encoder> encoder, const char* head, const init::Initializer& weight_init,
               const init::Initializer& bias_init) {
        encoder_ = encoder.get();
        adopt_merged(std::move(encoder));
        head_ = &add<nn::Linear>(head, encoder_->channels().back(), o_.classes, true, weight_init, bias_init);
    }

  private:
    Encoder* encoder_ = nullptr;
    nn::GlobalAvgPool pool_;
    nn::Linear* head_ = nullptr;
};

template <ResnetDepth depth>
class TorchResnetClassifier : public Classifier {
  public:
    TorchResnetClassifier(const char* name, const ResnetClassifierOptions& o) : Classifier(name, o) {
        auto encoder = make_resnet({.depth = depth, .width = o.width});
        const std::int64_t features = encoder->channels().back();
        build(std::move(encoder), "fc", init::kaiming_uniform(std::sqrt(5.0)),
              init::pytorch_bias({o.classes, features}));
    }
};

class KerasResnetClassifier : public Classifier {
  public:
    KerasResnetClassifier(const char* name, const ResnetClassifierOptions& o) : Classifier(name, o) {
        build(make_keras_resnet34(o.width), "fc1", init::glorot_uniform(), init::zeros());
    }
    Original original() const override { return {.library = Library::keras}; }
    Preprocessing preprocessing() const override { return {.scale = 1}; }
};

struct VggOptions {
    int classes = 1000;
    int width = 64;
    double dropout = 0.5;
};

void visit(OptionList& list, VggOptions& o) {
    list.integer("classes", o.classes, 1, 65535, classes_help);
    list.integer("width", o.width, 1, 1024, width_help);
    list.fraction("dropout", o.dropout, 0, 1, "rate after the fully connected layers, at least 0 and below 1");
}

/// The encoder, three fully connected layers on its 7x7 features, ReLU and dropout after the first two. Larger images
/// are averaged to 7x7 first, as torchvision does (AdaptiveAvgPool2d).
class VggClassifier : public NamedNet<VggOptions> {
  public:
    using NamedNet::NamedNet;
    int size_multiple() const override { return 224; }
    Task task() const override { return Task::classification; }

    Tensor forward(const Tensor& x) override {
        check_input(x);
        Tensor y = encoder_->forward(x);
        const int high = window(x, y.dim(1)), wide = window(x, y.dim(2));
        if (high > 1 || wide > 1) y = nn::avg_pool2d(y, {high, wide, high, wide, {}});
        y = nn::flatten(y);
        for (std::size_t i = 0; i < 2; ++i) {
            y = nn::relu(layers_[i]->forward(y));
            if (dropouts_[i]) y = dropouts_[i]->forward(y);
        }
        return layers_[2]->forward(y);
    }

  protected:
    void build(std::unique_ptr<Encoder> encoder) {
        encoder_ = encoder.get();
        adopt_merged(std::move(encoder));
    }
    /// 4096 in the original.
    std::int64_t hidden() const { return 64 * o_.width; }
    std::int64_t flat() const { return encoder_->channels().back() * side * side; }

    static constexpr int side = 7;
    Encoder* encoder_ = nullptr;
    std::array<nn::Linear*, 3> layers_{};
    std::array<nn::Dropout*, 2> dropouts_{};

  private:
    /// How many features make one of seven.
    int window(const Tensor& x, std::int64_t extent) const {
        if (extent == 0 || extent % side) {
            fail_usage("{}: an input {} high and {} wide does not fit: both must be multiples of 224", name(), x.dim(1),
                       x.dim(2));
        }
        return static_cast<int>(extent / side);
    }
};

/// torchvision's numbers: 1, 2 and 4, 5 are ReLU and dropout.
class TorchVggHead : public nn::Module {
  public:
    TorchVggHead(std::int64_t flat, std::int64_t hidden, const VggOptions& o, std::array<nn::Linear*, 3>& layers,
                 std::array<nn::Dropout*, 2>& dropouts) {
        const init::Initializer weights = normal(0.01);
        layers[0] = &add<nn::Linear>("0", flat, hidden, true, weights);
        dropouts[0] = &add<nn::Dropout>("2", o.dropout);
        layers[1] = &add<nn::Linear>("3", hidden, hidden, true, weights);
        dropouts[1] = &add<nn::Dropout>("5", o.dropout);
        layers[2] = &add<nn::Linear>("6", hidden, o.classes, true, weights);
    }

  private:
    static init::Initializer normal(float deviation) {
        return [deviation](std::span<float> values, const Shape&, const PhiloxKey& key) {
            Philox random(key);
            for (float& value : values) value = deviation * random.normal();
        };
    }
};

/// Weights of classifier.0 take our features' order, [H, W, C]; torchvision flattens [C, H, W].
template <VggForm form>
class TorchVggClassifier : public VggClassifier {
  public:
    TorchVggClassifier(const char* name, const VggOptions& o) : VggClassifier(name, o) {
        build(make_vgg16(form, o.width));
        add<TorchVggHead>("classifier", flat(), hidden(), o, layers_, dropouts_);
    }
};

/// keras.applications.VGG16, which has no dropout and takes 224x224 only; other multiples are averaged here too.
class KerasVggClassifier : public VggClassifier {
  public:
    KerasVggClassifier(const char* name, const ResnetClassifierOptions& o)
        : VggClassifier(name, {o.classes, o.width, 0}) {
        build(make_vgg16(VggForm::keras, o.width));
        layers_[0] = &add<nn::Linear>("fc1", flat(), hidden());
        layers_[1] = &add<nn::Linear>("fc2", hidden(), hidden());
        layers_[2] = &add<nn::Linear>("predictions", hidden(), o.classes);
    }
    nlohmann::json options() const override { return options_json(ResnetClassifierOptions{o_.classes, o_.width}); }
    Original original() const override { return {.library = Library::keras}; }
    Preprocessing preprocessing() const override { return caffe_preprocessing(); }
};

}  // namespace

NetInfo resnet34_info() {
    return info_of<TorchResnetClassifier<ResnetDepth::resnet34>, ResnetClassifierOptions>(
        "resnet34", "torchvision's ResNet34 classifier (21,797,672 parameters)");
}
NetInfo resnet50_info() {
    return info_of<TorchResnetClassifier<ResnetDepth::resnet50>, ResnetClassifierOptions>(
        "resnet50", "torchvision's ResNet50 classifier (25,557,032 parameters)");
}
NetInfo resnet101_info() {
    return info_of<TorchResnetClassifier<ResnetDepth::resnet101>, ResnetClassifierOptions>(
        "resnet101", "torchvision's ResNet101 classifier (44,549,160 parameters)");
}
NetInfo keras_resnet34_info() {
    return info_of<KerasResnetClassifier, ResnetClassifierOptions>(
        "keras-resnet34", "classification_models' ResNet34 classifier for Keras");
}
NetInfo vgg16_info() {
    return info_of<TorchVggClassifier<VggForm::torchvision>, VggOptions>(
        "vgg16", "torchvision's VGG16 classifier (138,357,544 parameters)");
}
NetInfo vgg16_bn_info() {
    return info_of<TorchVggClassifier<VggForm::torchvision_batch_norm>, VggOptions>(
        "vgg16-bn", "torchvision's VGG16 classifier with batch norm (138,365,992 parameters)");
}
NetInfo keras_vgg16_info() {
    return info_of<KerasVggClassifier, ResnetClassifierOptions>(
        "keras-vgg16", "keras.applications' VGG16 classifier (138,357,544 parameters)");
}

}  // namespace camber::nets
