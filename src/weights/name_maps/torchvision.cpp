#include "weights/name_map.h"

// torchvision's classifiers and segmentation networks. Ours are named as they are; what differs is where another
// network keeps the same encoder.

namespace camber {
namespace {

constexpr NameRule same[] = {
    {"*.num_batches_tracked", ""},
};

// resnet34 -> encoder.conv1, encoder.layer1, ...; vgg16 -> encoder.features.0, ...
constexpr NameRule into_encoder[] = {
    {"*.num_batches_tracked", ""},
    {"fc.*", ""},
    {"classifier.*", ""},
    {"*", "encoder.*"},
};

constexpr NameRule into_backbone[] = {
    {"*.num_batches_tracked", ""},
    {"fc.*", ""},
    {"*", "backbone.*"},
};

// fastai cuts a ResNet before its pooling into one nn.Sequential, and puts that first in DynamicUnet's layers.
constexpr NameRule into_dynamic_unet[] = {
    {"*.num_batches_tracked", ""}, {"fc.*", ""},
    {"conv1.*", "layers.0.0.*"},   {"bn1.*", "layers.0.1.*"},
    {"layer1.*", "layers.0.4.*"},  {"layer2.*", "layers.0.5.*"},
    {"layer3.*", "layers.0.6.*"},  {"layer4.*", "layers.0.7.*"},
};

constexpr NameRule without_head[] = {
    {"*.num_batches_tracked", ""},
    {"fc.*", ""},
    {"classifier.*", ""},
    {"aux_classifier.*", ""},
};

constexpr NameMap maps[] = {
    {"torchvision", "the network itself", false, same},
    {"torchvision", "segmentation_models.pytorch's encoder", true, into_encoder},
    {"torchvision", "DeepLabV3's backbone", true, into_backbone},
    {"torchvision", "fastai's DynamicUnet", true, into_dynamic_unet},
    {"torchvision", "a network of the same names with another head", true, without_head},
};

}  // namespace

const NameSource torchvision_names = {"torchvision", "torchvision's state_dicts", Convention::pytorch, maps};

}  // namespace camber
