#pragma once
#include <camber/module.h>

#include <nlohmann/json.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// The networks. Each is a file in nets/ and a line in nets/networks.def.
namespace camber::nets {

enum class ChannelOrder { rgb, bgr };

/// What a network expects of the pixels v = 0..255 of channel c, channels in `order`: (v * scale - mean[c]) / std[c].
struct Preprocessing {
    double scale = 1.0 / 255;
    std::array<double, 3> mean = {0, 0, 0}, std = {1, 1, 1};
    ChannelOrder order = ChannelOrder::rgb;
    bool operator==(const Preprocessing&) const = default;
};
/// ImageNet's mean and deviation of RGB in [0, 1]: torchvision, segmentation_models.pytorch, fastai.
Preprocessing imagenet_preprocessing();
/// The mean colour subtracted from BGR in 0..255: Keras's VGG16, from Caffe.
Preprocessing caffe_preprocessing();
/// What a network is made to be fed: its original's own preprocessing, or RGB in [0, 1] and no more.
enum class InputRange { original, unit };
/// In a line, for people.
std::string describe(const Preprocessing& preprocessing);

enum class Library { pytorch, keras };

/// Whose network it is that a network reproduces, weights and all.
struct Original {
    Library library = Library::pytorch;
    bool names_layers = true;  ///< false: it gives them none, so that they have those that the library makes up
    /// What it can be built otherwise without a trace in its weights, and this network cannot: as this one has it, for
    /// people. Empty: nothing known.
    const char* untraced = "";
};

enum class Task {
    segmentation,    ///< logits [N, H, W, classes]
    classification,  ///< logits [N, 1, 1, classes]
};

/// What a forward pass gives for training.
struct Outputs {
    Tensor logits;
    std::vector<std::pair<Tensor, double>> auxiliary;  ///< further logits, each with the weight of its loss
};

/// Images [N, H, W, in_channels] to logits.
class Net : public nn::Module {
  public:
    virtual const char* name() const = 0;
    /// Everything make_net(name(), options()) needs to build the same network: what a checkpoint stores.
    virtual nlohmann::json options() const = 0;
    virtual int in_channels() const = 0;
    virtual int classes() const = 0;
    /// What height and width must be a multiple of for the input to pass through without padding.
    virtual int size_multiple() const = 0;
    /// Images that a training step takes at least.
    virtual int least_batch() const { return 1; }
    virtual Task task() const { return Task::segmentation; }
    virtual Original original() const { return {}; }
    /// The original's own for imported weights.
    virtual Preprocessing preprocessing() const { return imagenet_preprocessing(); }
    /// The modules (paths) that pretrained encoder weights fill and that freezing the encoder freezes, grouped by what
    /// has a learning rate of its own when rates differ with depth, from the image on; empty without an encoder.
    virtual std::vector<std::vector<std::string>> encoder_stages() const { return {}; }
    /// Those of all stages.
    std::vector<std::string> encoder_paths() const;
    /// The modules (paths) that only training uses: auxiliary heads.
    virtual std::vector<std::string> training_paths() const { return {}; }

    /// The logits of forward() and of the heads that only training uses.
    virtual Outputs forward_all(const Tensor& x) { return {forward(x), {}}; }
    void run_all(const Tensor& x) override { forward_all(x); }
};

/// An option of a network, for help and error messages.
struct NetOption {
    std::string name;
    nlohmann::json value;                   ///< the default
    std::string help;                       ///< one line with the choices
    std::vector<std::string> choices = {};  ///< of an option that is one of several words
};

struct NetInfo {
    std::string name;
    std::string description;  ///< one line
    std::vector<NetOption> options;
    std::function<std::unique_ptr<Net>(const nlohmann::json& options)> make;
};

const std::vector<NetInfo>& net_list();
/// Throws UsageError listing the known networks.
const NetInfo& net_info(const std::string& name);
/// Builds a network; options left out have their defaults. Its parameters have no memory yet: see nn::ParameterBuffer.
/// Throws UsageError for an unknown network, option or value, naming the choices.
std::unique_ptr<Net> make_net(const std::string& name, const nlohmann::json& options = nlohmann::json::object());

// ---- unet

/// Which library's defaults batch normalisation and initial values follow.
enum class Style { keras, pytorch };
/// What to do with an input whose height or width does not divide by the network's size_multiple().
enum class SizePolicy {
    error,  ///< throw UsageError naming the nearest sizes
    pad,    ///< zeros at the bottom and right, and the logits cropped back
};

/// U-Net (Ronneberger et al. 2015, arXiv 1505.04597) as commonly built in Keras: 'same' convolutions, batch
/// normalisation, dropout. The defaults have 31,055,232 parameters before the head, running
/// statistics included.
struct UnetOptions {
    int in_channels = 3;
    int classes = 11;
    int width = 64;          ///< filters of the first level; each level doubles
    int depth = 4;           ///< poolings; 4 gives the published five levels
    bool batch_norm = true;  ///< after every 3x3 convolution of a block, before ReLU
    /// After the last pooling, the bottleneck and every decoder block but the last (the published places). 0 keeps the
    /// rows of the table but computes nothing.
    double dropout = 0.1;
    int up_kernel = 2;    ///< transposed convolutions: 2 or 3, stride 2
    int head_kernel = 1;  ///< 1 or 3
    Style style = Style::keras;
    std::string init = "default";             ///< convolution weights: init::names(), or the style's default
    InputRange input = InputRange::original;  ///< there is no library whose it would be: ImageNet's
    SizePolicy size_policy = SizePolicy::error;
};

/// Throws UsageError for an unknown key, a wrong type or a value out of range, naming the choices.
UnetOptions unet_options(const nlohmann::json& json);
nlohmann::json to_json(const UnetOptions& options);

/// Parameter names: encoder.{i}.conv1, bn1, conv2, bn2 (0 at full size); bottleneck likewise; decoder.{i}.up and the
/// same four (0 the deepest); head. Each .weight and .bias, batch normalisations also .running_mean, .running_var.
/// Decoder blocks concatenate [upsampled, skip].
std::unique_ptr<Net> make_unet(const UnetOptions& options = {});

}  // namespace camber::nets
