#pragma once
#include <camber/train.h>

#include "cli/predict_frames.h"

namespace camber::cli {

/// Judges frames that are piped in (rgb24, height x width), and pipes out what is wanted of each: overlay and colours
/// as rgb24, labels as a byte a pixel. Reading, computing and writing overlap. Returns how many there were. Throws
/// Error where the input ends within a frame, or nobody takes the output.
std::size_t predict_stream(Model& model, int height, int width, const Painting& painting,
                           const std::atomic<bool>& stop);

}  // namespace camber::cli
