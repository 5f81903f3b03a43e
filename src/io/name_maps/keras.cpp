#include "io/name_map.h"

// Keras applications: our networks of Keras's origin name their modules after the layers (block1_conv1, ..., fc1, fc2,
// predictions).

namespace camber {
namespace {

constexpr NameRule same[] = {
    {"*seed_generator*", ""},
    {"*seed_generator_state", ""},
};

constexpr NameRule without_head[] = {
    {"*seed_generator_state", ""},
    {"fc1.*", ""},
    {"fc2.*", ""},
    {"predictions.*", ""},
};

constexpr NameMap maps[] = {
    {"keras", "the network itself", false, same},
    {"keras", "its encoder, of the same layer names", true, without_head},
};

}  // namespace

const NameSource keras_names = {"keras", "Keras applications' .h5", Convention::keras, maps};

}  // namespace camber
