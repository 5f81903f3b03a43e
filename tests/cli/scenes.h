#pragma once
#include <camber/synth.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/command.h"
#include "support/files.h"

namespace camber::testing {

/// A small dataset of generated scenes: 8 training and 3 validation frames of 64x96.
inline void write_scenes(const std::filesystem::path& folder) {
    write_synthetic_dataset(folder, {.train_count = 8, .val_count = 3, .height = 64, .width = 96, .seed = 5});
}

/// `camber train` of a network small enough for a test: one or two seconds for a few epochs.
inline std::vector<std::string> train_arguments(const std::filesystem::path& data, const std::filesystem::path& out,
                                                std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"train",   "--data",   data.string(), "--out",     out.string(),
                                          "--width", "4",        "--size",      "32x48",     "--batch",
                                          "2",       "--epochs", "3",           "--dropout", "0.2",
                                          "--ema",   "0.9",      "--pictures",  "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

}  // namespace camber::testing
