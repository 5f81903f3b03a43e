#include <camber/nets.h>
#include <doctest/doctest.h>

#include <algorithm>

using namespace camber;
using nets::ChannelOrder;
using nets::Preprocessing;

namespace {

/// The numbers of the original libraries, each of which says them in its own code.
// torchvision's weights' transforms(), segmentation_models.pytorch's settings of its encoders, fastai's imagenet_stats
const Preprocessing imagenet{1.0 / 255, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}, ChannelOrder::rgb};
// keras.applications.vgg16.preprocess_input
const Preprocessing caffe{1, {103.939, 116.779, 123.68}, {1, 1, 1}, ChannelOrder::bgr};
// classification_models' for ResNet34: none
const Preprocessing bytes{1, {0, 0, 0}, {1, 1, 1}, ChannelOrder::rgb};

struct Original {
    const char* net;
    const Preprocessing& input;
    std::int64_t encoder;     ///< parameters of the classifier without its head, as its library counts them
    std::int64_t statistics;  ///< running ones
    std::size_t stages;
};

// ResNets: stem and four layers; VGG: five blocks. fastai cuts its encoder in two for learning rates.
const Original originals[] = {
    {"unet", imagenet, 0, 0, 0},
    {"unet-resnet34", bytes, 21'287'107, 15'366, 5},
    {"unet-vgg16", caffe, 14'714'688, 0, 5},
    {"smp-unet-resnet34", imagenet, 21'284'672, 17'024, 5},
    {"smp-unet-vgg16", imagenet, 14'714'688, 0, 5},
    {"smp-unet-vgg16-bn", imagenet, 14'723'136, 8'448, 5},
    {"dynamic-unet-resnet34", imagenet, 21'284'672, 17'024, 2},
    {"deeplabv3-resnet50", imagenet, 23'508'032, 53'120, 5},
    {"deeplabv3-resnet101", imagenet, 42'500'160, 105'344, 5},
    {"resnet34", imagenet, 0, 0, 0},
    {"resnet50", imagenet, 0, 0, 0},
    {"resnet101", imagenet, 0, 0, 0},
    {"vgg16", imagenet, 0, 0, 0},
    {"vgg16-bn", imagenet, 0, 0, 0},
    {"keras-resnet34", bytes, 0, 0, 0},
    {"keras-vgg16", caffe, 0, 0, 0},
};

}  // namespace

TEST_CASE("networks take the input that their originals' weights were trained on") {
    for (const Original& original : originals) {
        CAPTURE(original.net);
        CHECK(nets::make_net(original.net, nlohmann::json::object())->preprocessing() == original.input);
    }
    for (const nets::NetInfo& info : nets::net_list()) {
        CAPTURE(info.name);
        CHECK(std::any_of(std::begin(originals), std::end(originals),
                          [&](const Original& o) { return info.name == o.net; }));
    }
    for (const char* name : {"unet", "unet-resnet34", "unet-vgg16"}) {
        CHECK(nets::make_net(name, {{"input", "unit"}})->preprocessing() == Preprocessing{});
    }
}

TEST_CASE("encoder paths hold what a classifier without its head has, each parameter once") {
    for (const Original& original : originals) {
        CAPTURE(original.net);
        const auto net = nets::make_net(original.net, nlohmann::json::object());
        const std::vector<std::string> paths = net->encoder_paths();
        const auto count = [&](const std::vector<nn::NamedParameter>& list) {
            std::int64_t all = 0;
            for (const auto& [name, parameter] : list) {
                const auto holders =
                    std::count_if(paths.begin(), paths.end(),
                                  [&, &name = name](const std::string& path) { return name.starts_with(path + "."); });
                CHECK_MESSAGE(holders <= 1, name);
                all += holders * parameter->tensor.numel();
            }
            return all;
        };
        CHECK(count(net->named_parameters()) == original.encoder);
        CHECK(count(net->named_buffers()) == original.statistics);
        CHECK(net->encoder_stages().size() == original.stages);
    }
    CHECK(nets::make_net("unet", nlohmann::json::object())->encoder_paths().empty());
}
