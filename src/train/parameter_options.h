#pragma once
#include <camber/train.h>

namespace camber {

/// How a model's parameters lie on its device.
nn::ParameterBufferOptions parameter_options(const Model& model, bool training);

}  // namespace camber
