#pragma once
#include <camber/tensor.h>

#include <string>

namespace camber {

/// A tensor and the path it goes by in a network, an optimizer or a file, for example "encoder.0.conv1.weight".
struct NamedTensor {
    std::string name;
    Tensor tensor;
};

}  // namespace camber
