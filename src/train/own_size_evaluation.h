#pragma once
#include <camber/train.h>

namespace camber {

/// evaluate() of pictures that are not resized to the network's input: frame after frame, as predict_rows() gives them.
/// The loss, which is of whole inputs, is not a number.
EvalResult evaluate_at_own_size(Model& model, const Dataset& dataset, const Progress& progress,
                                const std::atomic<bool>* stop);

}  // namespace camber
