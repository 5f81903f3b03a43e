#pragma once
#include <CLI/CLI.hpp>

#include <string>

namespace camber::cli {

/// What has `shell` (bash, zsh or fish) complete the command line of `app`: every subcommand, option and choice.
std::string completion(const CLI::App& app, const std::string& shell);

}  // namespace camber::cli
