#include "weights/name_map.h"

// fastai's learn.save(): {"model": state_dict, "opt": ...} of a DynamicUnet, or of a classifier that is
// nn.Sequential(body, head), whose body is the ResNet cut before its pooling. Ours are v1's names; v2's list has
// ResizeToOrig besides.

namespace camber {
namespace {

constexpr NameRule same[] = {
    {"*.num_batches_tracked", ""},
};

constexpr NameRule version2[] = {
    {"*.num_batches_tracked", ""},
    {"layers.4.shuf.0.0.*", "layers.4.shuf.conv.0.*"},
    {"layers.5.shuf.0.0.*", "layers.5.shuf.conv.0.*"},
    {"layers.6.shuf.0.0.*", "layers.6.shuf.conv.0.*"},
    {"layers.7.shuf.0.0.*", "layers.7.shuf.conv.0.*"},
    {"layers.8.0.0.*", "layers.8.conv.0.*"},
    {"layers.11.convpath.*", "layers.10.layers.*"},
    {"layers.12.0.*", "layers.11.0.*"},
};

// A classifier's body is a DynamicUnet's first layer; its head is 1.*.
constexpr NameRule body[] = {
    {"*.num_batches_tracked", ""},
    {"0.*", "layers.0.*"},
    {"1.*", ""},
};

constexpr std::string_view own[] = {"dynamic-unet-"};

constexpr NameMap maps[] = {
    {"fastai", "the network itself", false, same},
    {"fastai", "the network itself, of fastai v2", false, version2, R"({"style": "fastai2"})"},
    {"fastai", "DynamicUnet's encoder from a fastai classifier", true, body},
};

}  // namespace

const NameSource fastai_names = {"fastai", "fastai's learn.save()", Convention::pytorch, maps, own};

}  // namespace camber
