#pragma once
#include <camber/augment.h>
#include <camber/checkpoint.h>
#include <camber/class_table.h>
#include <camber/weights.h>

#include <optional>
#include <string>

namespace camber::cli {

/// What travels with exported weights and comes back in: {"net", "net_options", "classes": as in a table's file,
/// "height", "width", "interpolation", "input", "normalisation"}: the network, the size of its input in validation and
/// prediction, how frames are brought to it where that is not the usual way, its pixels where the network has an option
/// for them, and by what they are normalised.
std::string description(const CheckpointInfo& info);

struct Description {
    std::string net;  ///< empty where it was not yet noted, as net_options
    nlohmann::json net_options = nlohmann::json::object();
    std::optional<ClassTable> classes;
    std::optional<int> height, width;
    std::optional<Interpolation> interpolation;
    std::optional<std::string> input;
    std::optional<Normalisation> normalisation;
};
/// Of an export or a checkpoint; empty of other files. Throws Error naming the file for one that is none.
Description described(const WeightFile& file);

}  // namespace camber::cli
