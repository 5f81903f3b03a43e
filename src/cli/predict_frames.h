#pragma once
#include <camber/train.h>

#include <atomic>
#include <functional>

#include "cli/predict_outputs.h"
#include "io/video.h"

namespace camber::cli {

/// What becomes of each frame: its labels, their colours, or those over it, `alpha` strong.
struct Painting {
    OutputKind kind = OutputKind::overlay;
    float alpha = 0.5f;
};

/// Judges frames that `read` gives, until it gives an empty one, and gives `write` what is painted of each. Reading,
/// computing and writing overlap, each in a thread of its own. Returns how many there were; stops early, throwing
/// nothing, when `stop` becomes true.
std::size_t predict_frames(Model& model, const std::function<VideoFrame()>& read,
                           const std::function<void(const VideoFrame&)>& write, const Painting& painting,
                           const std::atomic<bool>& stop);

}  // namespace camber::cli
