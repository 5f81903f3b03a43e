#include "io/name_map.h"

// segmentation_models.pytorch: encoder.*, decoder.blocks.N.*, segmentation_head.0.*, as ours.

namespace camber {
namespace {

constexpr NameRule same[] = {
    {"*.num_batches_tracked", ""},
};

// The encoder of a whole network's file.
constexpr NameRule encoder_alone[] = {
    {"*.num_batches_tracked", ""},
    {"decoder.*", ""},
    {"segmentation_head.*", ""},
    {"classification_head.*", ""},
};

constexpr NameMap maps[] = {
    {"smp", "the network itself", false, same},
    {"smp", "the network's encoder", true, encoder_alone},
};

}  // namespace

const NameSource smp_names = {"smp", "segmentation_models.pytorch's state_dicts", Convention::pytorch, maps};

}  // namespace camber
