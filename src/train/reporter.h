#pragma once
#include <camber/train.h>

#include <functional>

#include "train/run_folder.h"

namespace camber {

/// Keeps run.json and report.html as a run goes on. The report is written anew after an epoch as long as all of them
/// take less than 1% of the run's time, and always at the end; it is made from what the folder holds, as `camber
/// report` makes it. One that cannot be written is said once, and stops nothing.
class Reporter {
  public:
    static constexpr double share = 0.01;

    Reporter(RunFolder folder, TrainObserver& observer) : folder_(std::move(folder)), observer_(observer) {}

    /// `run`: run.json but for its state. The folder is there.
    void begin(nlohmann::json run);
    /// After an epoch, `elapsed` seconds into the run.
    void update(double elapsed);
    /// Once everything else is written. `state`: finished, stopped, interrupted or failed; `why` in a few words.
    void end(const std::string& state, const std::string& why);
    /// Spent since the last call.
    double take_seconds();

  private:
    void write_run(const std::string& state, const std::string& why);
    void write_report(bool running);

    RunFolder folder_;
    TrainObserver& observer_;
    nlohmann::json run_;                          ///< null before begin()
    double spent_ = 0, taken_ = 0, longest_ = 0;  ///< seconds
    bool said_ = false;
};

/// What run.json says of a run from its beginning (docs/reports.md).
nlohmann::json run_json(const TrainConfig& config, const Model& model, const nlohmann::json& protocol);

/// The most that a process and tensors on a device have taken so far: {"host"}, and "device" where that has memory of
/// its own.
nlohmann::json peak_bytes(Device device);

}  // namespace camber
