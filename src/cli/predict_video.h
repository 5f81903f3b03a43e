#pragma once
#include <camber/train.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/predict_frames.h"
#include "cli/predict_inputs.h"
#include "cli/predicting.h"

namespace camber::cli {

/// Paints the frames of a video into another, with their times. Returns how many there were.
std::size_t video_to_video(Model& model, const std::filesystem::path& from, const std::filesystem::path& to,
                           const Painting& painting, ProgressLine& line, const std::atomic<bool>& stop);

/// Paints pictures, all of the first one's size, into a video of `rate` frames a second.
std::size_t pictures_to_video(Model& model, const std::vector<const Picture*>& from, const std::filesystem::path& to,
                              Fraction rate, const Painting& painting, ProgressLine& line,
                              const std::atomic<bool>& stop);

/// Predicts the frames of a video as pictures, NAME/frame_00001 and so on, until `stop` becomes true.
void video_to_pictures(Predicting& predicting, const std::filesystem::path& from, const std::atomic<bool>& stop);

}  // namespace camber::cli
