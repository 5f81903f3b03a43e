#include "weights/name_map.h"

// Our own checkpoints: parameters under "model.", averages of them under "ema.", and an optimizer's state. And
// state_dicts in our own names, which of networks that are no PyTorch library's export writes.

namespace camber {
namespace {

constexpr NameRule model[] = {
    {"ema.*", "*"},
    {"model.*", "*"},
    {"*", ""},
};

constexpr NameRule same[] = {
    {"*.num_batches_tracked", ""},
};

// Of networks that have Keras's names: see keras.cpp.
constexpr NameRule encoder_alone[] = {
    {"*.num_batches_tracked", ""}, {"fc1.*", ""},     {"fc2.*", ""},
    {"predictions.*", ""},         {"decoder_*", ""}, {"center_*", ""},
    {"final_conv.*", ""},
};

constexpr std::string_view own[] = {"unet", "keras-"};

constexpr NameMap export_maps[] = {
    {"camber", "the network itself", false, same},
    {"camber", "the network's encoder", true, encoder_alone},
};

constexpr NameMap maps[] = {
    {"camber", "the network itself", false, model},
    {"camber", "the network's encoder", true, model},
};

}  // namespace

const NameSource export_names = {"camber", "Camber's own checkpoints and exports", Convention::pytorch, export_maps,
                                 own};
const NameSource camber_names = {"camber", "Camber's own checkpoints and exports", Convention::camber, maps};

}  // namespace camber
