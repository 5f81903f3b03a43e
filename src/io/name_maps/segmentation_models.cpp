#include "io/name_map.h"

// segmentation_models and classification_models (Keras). The encoder's layers have the same names in both libraries
// (bn_data, conv0, stage1_unit1_conv1, ..., bn1), and ours have them too.

namespace camber {
namespace {

constexpr NameRule same[] = {
    {"*seed_generator_state", ""},
};

// classification_models' head is fc1; of a whole network's file the decoder is left out.
constexpr NameRule encoder_alone[] = {
    {"*seed_generator_state", ""}, {"fc1.*", ""},     {"fc2.*", ""},
    {"predictions.*", ""},         {"decoder_*", ""}, {"center_*", ""},
    {"final_conv.*", ""},
};

constexpr NameMap maps[] = {
    {"segmentation_models", "the network itself", false, same},
    {"segmentation_models", "its encoder, of the same layer names", true, encoder_alone},
};

}  // namespace

const NameSource segmentation_models_names = {
    "segmentation_models", "segmentation_models' and classification_models' .h5", Convention::keras, maps};

}  // namespace camber
