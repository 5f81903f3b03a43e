#pragma once
#include <camber/train.h>

#include <string>

namespace camber {

/// Sets config.augment as --augment says: names of its fields, each with =VALUE or with its usual one, after commas,
/// one after another; "scale=0.5:2" sets both ends of the scale, "none" switches everything off that is random. Throws
/// UsageError.
void parse_augmentations(const std::string& text, TrainConfig& config);

}  // namespace camber
