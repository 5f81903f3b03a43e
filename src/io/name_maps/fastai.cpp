#include "io/name_map.h"

// fastai v1's learn.save(): {"model": state_dict, "opt": ...} of a DynamicUnet, or of a classifier that is
// nn.Sequential(body, head), whose body is the ResNet cut before its pooling.

namespace camber {
namespace {

constexpr NameRule same[] = {
    {"*.num_batches_tracked", ""},
};

// A classifier's body is a DynamicUnet's first layer; its head is 1.*.
constexpr NameRule body[] = {
    {"*.num_batches_tracked", ""},
    {"0.*", "layers.0.*"},
    {"1.*", ""},
};

constexpr NameMap maps[] = {
    {"fastai", "the network itself", false, same},
    {"fastai", "DynamicUnet's encoder from a fastai classifier", true, body},
};

}  // namespace

const NameSource fastai_names = {"fastai", "fastai's learn.save()", Convention::pytorch, maps};

}  // namespace camber
