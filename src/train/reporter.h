#pragma once
#include <camber/train.h>

#include <functional>

#include "train/run_folder.h"
#include "train/tensorboard.h"

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
    /// For TensorBoard as well, of a run that has `done` epochs. After begin().
    void begin_tensorboard(const TrainConfig& config, std::int64_t done);
    /// After an epoch, `elapsed` seconds into the run. `metrics`: its line. Gradients are those of its last step, times
    /// `gradient_scale`; the parameters are there until end(). Histograms of both, like the page, take less than 1% of
    /// the run's time, and are made of the first epoch and the last at least.
    void update(double elapsed, const nlohmann::json& metrics, const nn::ParameterBuffer& parameters,
                double gradient_scale);
    /// Pictures of an epoch counted from 0. Any thread may call it.
    void painted(const std::vector<std::filesystem::path>& pictures, std::int64_t epoch);
    /// Once everything else is written. `state`: finished, stopped, interrupted or failed; `why` in a few words.
    void end(const std::string& state, const std::string& why);
    /// The same of a run that had ended before, which the process may have been killed while it was written.
    void end_again(const std::string& state, const std::string& why);
    /// Spent since the last call.
    double take_seconds();

  private:
    void write_run(const std::string& state, const std::string& why);
    void write_report(bool running);
    void write_histograms();
    void say_tensorboard_error();

    RunFolder folder_;
    TrainObserver& observer_;
    nlohmann::json run_;                                             ///< null before begin()
    double spent_ = 0, taken_ = 0, page_seconds_ = 0, longest_ = 0;  ///< seconds
    bool said_ = false;

    std::optional<TensorBoard> tensorboard_;
    bool said_tensorboard_ = false;
    const nn::ParameterBuffer* parameters_ = nullptr;  ///< null: there are histograms of the last epoch
    std::int64_t epoch_ = 0;                           ///< counted from 1
    double gradient_scale_ = 0;
    double histogram_seconds_ = 0, longest_histograms_ = 0;
};

/// What run.json says of a run from its beginning (docs/reports.md).
nlohmann::json run_json(const TrainConfig& config, const Model& model, const nlohmann::json& protocol);

/// The most that a process and tensors on a device have taken so far: {"host"}, and "device" where that has memory of
/// its own.
nlohmann::json peak_bytes(Device device);

}  // namespace camber
