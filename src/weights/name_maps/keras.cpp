#include "weights/name_map.h"

// Keras: our networks of its origin name their modules after the layers of keras.applications (block1_conv1, ..., fc1,
// predictions), classification_models and segmentation_models (bn_data, conv0, stage1_unit1_conv1, ..., bn1,
// decoder_stage0a_conv, ..., final_conv). Layers without names are keras_layers.h's.

namespace camber {
namespace {

constexpr NameRule same[] = {
    {"*seed_generator*", ""},
};

// Classifiers' heads, and a whole network's decoder.
constexpr NameRule encoder_alone[] = {
    {"*seed_generator*", ""}, {"fc1.*", ""},    {"fc2.*", ""},        {"predictions.*", ""},
    {"decoder_*", ""},        {"center_*", ""}, {"final_conv.*", ""},
};

constexpr NameMap maps[] = {
    {"keras", "the network itself", false, same},
    {"keras", "its encoder, of the same layer names", true, encoder_alone},
};

}  // namespace

const NameSource keras_names = {"keras", "Keras's .h5 and .keras, segmentation_models' and classification_models' too",
                                Convention::keras, maps};

}  // namespace camber
