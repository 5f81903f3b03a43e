#pragma once
#include <nlohmann/json.hpp>

#include "cuda/laboratory/bound.h"
#include "cuda/laboratory/trial.h"

/// What the laboratory found out about versions, for people and programs.
namespace camber::laboratory {

struct Result {
    int version = 0;
    std::string what;
    double error = 0;
    std::vector<emulator::LaunchCounts> launches;  ///< of the emulated device, else none
    Bound bound;                                   ///< with launches
    std::vector<double> seconds;                   ///< of a GPU, sorted; else none
};

/// Runs a version on the trial's device: counts it where that is the emulated one, else takes its time.
Result examine(Trial& trial, int version, Device device, const Gpu& gpu);

/// Lines for people: what is computed, at which shape.
std::string heading(const Trial& trial, const std::vector<std::int64_t>& shape, Device device, const Gpu& gpu);
/// A row a version.
std::string table(const Trial& trial, const std::vector<Result>& results, const Gpu& gpu);
/// The same over shapes: lines that say what is shown, then a row a shape, in which each version has the share of the
/// roof that it can reach at most or, where there is a GPU, its median microseconds and the share that it reaches.
std::string sweep_heading(const Trial& trial, const std::vector<Result>& results, Device device, const Gpu& gpu);
std::string sweep_row(const Trial& trial, const std::vector<Result>& results, const std::vector<std::int64_t>& shape,
                      const Gpu& gpu);
/// Launches and access sites of one.
std::string details(const Trial& trial, const Result& result);
nlohmann::json to_json(const Trial& trial, const Result& result, const std::vector<std::int64_t>& shape, Device device,
                       const Gpu& gpu);

/// Sums over launches.
struct Totals {
    std::int64_t requests = 0, lanes = 0, sectors = 0, least_sectors = 0;  ///< global memory
    std::int64_t shared_requests = 0, wavefronts = 0, least_wavefronts = 0;
    std::int64_t barriers = 0, bytes_touched = 0;
};
Totals totals(const std::vector<emulator::LaunchCounts>& launches);

}  // namespace camber::laboratory
