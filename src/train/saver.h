#pragma once
#include <camber/checkpoint.h>

#include <functional>
#include <future>

#include "train/run_folder.h"

namespace camber {

/// Keeps what saving costs a run below a share of its time.
class SaveBudget {
  public:
    static constexpr double share = 0.02;

    /// Seconds that training waited, or a processor was not its own.
    void spend(double seconds) { spent_ += seconds; }
    void count_save() { ++saves_; }
    /// Whether another save like those so far stays within the share of `elapsed` seconds. The first always does.
    bool allows(double elapsed) const { return saves_ == 0 || spent_ + spent_ / saves_ <= share * elapsed; }

  private:
    double spent_ = 0;
    int saves_ = 0;
};

/// Saves a run while it goes on: what is saved is copied at once and written by a thread. Each save writes pictures,
/// best.safetensors and last.safetensors in this order, so that whenever the run is killed, what last.safetensors says
/// of the best epoch is on the disk. What the thread fails with is thrown by the next call that says so.
class Saver {
  public:
    /// `shares_processors`: whether the thread takes its time from training, as on a host device.
    Saver(RunFolder folder, bool shares_processors)
        : folder_(std::move(folder)), shares_processors_(shares_processors) {}

    /// Copies the best weights so far, for the next save; `paint` writes their pictures. On a GPU they stay in its
    /// memory, where there is room, since most are never written. Where the host has no room for copies beside
    /// training, this and save() write at once what they are given, and training waits.
    void keep_best(const Checkpoint& best, std::function<void()> paint);
    /// Whether the thread is idle and the budget allows a save, `elapsed` seconds into the run.
    bool has_time(double elapsed) const;
    /// Copies what `last` refers to and begins to write it, and the best kept; waits for the save before. Throws Error.
    /// `keep`: a file that it is found in too, also when last.safetensors is another; empty for none.
    void save(const Checkpoint& last, const std::filesystem::path& keep = {});
    /// The same with the best kept alone, where there is one.
    void save_best();
    /// Throws Error when a save that is done failed. Does not wait.
    void check();
    /// Waits for what is being written. Throws Error when it failed.
    void wait();

  private:
    /// Whether copies of the tensors, wherever they lie, have room in memory that training has not had yet.
    bool has_room(const Checkpoint& checkpoint) const;
    /// Writes `last` and the best kept, `in_turn`: before it returns.
    void begin(std::optional<Checkpoint> last, const std::filesystem::path& keep = {}, bool in_turn = false);

    RunFolder folder_;
    const bool shares_processors_;
    SaveBudget budget_;
    std::optional<Checkpoint> best_;  ///< kept, not written yet
    std::function<void()> paint_;
    std::future<double> writing_;  ///< the thread's processor seconds
};

}  // namespace camber
