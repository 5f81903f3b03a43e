#pragma once
#include <camber.h>
#include <camber/train.h>

namespace camber::c_interface {

/// Has the model be shown frames as `options` say. Throws UsageError for sizes that the network does not take, and for
/// options that contradict each other.
void set_input(Model& model, const camber_options& options);

}  // namespace camber::c_interface
