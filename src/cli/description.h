#pragma once
#include <camber/checkpoint.h>
#include <camber/class_table.h>
#include <camber/weights.h>

#include <optional>
#include <string>

namespace camber::cli {

/// What travels with exported weights and comes back in: {"classes": as in a table's file, "height", "width"}, the
/// latter of the network's input.
std::string description(const CheckpointInfo& info);

struct Description {
    std::optional<ClassTable> classes;
    std::optional<int> height, width;
};
/// Of an export or a checkpoint; empty of other files. Throws Error naming the file for one that is none.
Description described(const WeightFile& file);

}  // namespace camber::cli
