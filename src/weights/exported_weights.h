#pragma once
#include <camber/module.h>
#include <camber/named_tensor.h>

#include <string>
#include <vector>

#include "weights/targets.h"

namespace camber {

/// A target's elements as a convention lays them out, on the host.
struct Exported {
    std::vector<std::int64_t> shape;
    Tensor elements;
};
/// `to_bgr`: the convolution whose input channels are turned round, back to those of the original.
Exported exported(const std::string& name, const Target& target, Convention convention, const std::string& to_bgr);

/// What export_weights() gives, with our name of each.
struct ExportedWeight {
    std::string ours;
    NamedTensor tensor;
};
std::vector<ExportedWeight> exported_weights(nn::Module& network, bool bgr_input);

}  // namespace camber
