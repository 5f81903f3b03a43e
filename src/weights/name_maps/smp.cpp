#include "weights/name_map.h"

// segmentation_models.pytorch: encoder.*, decoder.blocks.N.*, segmentation_head.0.*, as ours.

namespace camber {
namespace {

constexpr NameRule same[] = {
    {"*.num_batches_tracked", ""},
};

// Before version 0.1: decoder.layerN.block.M.block.K, K being 0 for the convolution and 1 for the normalisation.
constexpr NameRule before_0_1[] = {
    {"*.num_batches_tracked", ""},
    {"decoder.center.block.0.block.*", "decoder.center.0.*"},
    {"decoder.center.block.1.block.*", "decoder.center.1.*"},
    {"decoder.layer1.block.0.block.*", "decoder.blocks.0.conv1.*"},
    {"decoder.layer1.block.1.block.*", "decoder.blocks.0.conv2.*"},
    {"decoder.layer2.block.0.block.*", "decoder.blocks.1.conv1.*"},
    {"decoder.layer2.block.1.block.*", "decoder.blocks.1.conv2.*"},
    {"decoder.layer3.block.0.block.*", "decoder.blocks.2.conv1.*"},
    {"decoder.layer3.block.1.block.*", "decoder.blocks.2.conv2.*"},
    {"decoder.layer4.block.0.block.*", "decoder.blocks.3.conv1.*"},
    {"decoder.layer4.block.1.block.*", "decoder.blocks.3.conv2.*"},
    {"decoder.layer5.block.0.block.*", "decoder.blocks.4.conv1.*"},
    {"decoder.layer5.block.1.block.*", "decoder.blocks.4.conv2.*"},
    {"decoder.final_conv.*", "segmentation_head.0.*"},
};

// The encoder of a whole network's file.
constexpr NameRule encoder_alone[] = {
    {"*.num_batches_tracked", ""},
    {"decoder.*", ""},
    {"segmentation_head.*", ""},
    {"classification_head.*", ""},
};

constexpr std::string_view own[] = {"smp-"};

constexpr NameMap maps[] = {
    {"smp", "the network itself", false, same},
    {"smp", "the network itself, before 0.1", false, before_0_1, R"({"head_kernel": 1})"},
    {"smp", "the network's encoder", true, encoder_alone},
};

}  // namespace

const NameSource smp_names = {"smp", "segmentation_models.pytorch's state_dicts", Convention::pytorch, maps, own};

}  // namespace camber
