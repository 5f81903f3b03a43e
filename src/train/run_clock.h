#pragma once
#include <camber/train.h>

#include <chrono>
#include <functional>

namespace camber {

/// Seconds from some moment on, never fewer than before.
using SecondsClock = std::function<double()>;
/// Of the machine, without the time that it slept.
inline double steady_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// As in train.h, by a clock of one's own.
TrainResult train(TrainConfig config, const std::filesystem::path& folder, TrainObserver& observer,
                  const std::atomic<bool>& stop, const SecondsClock& clock);
TrainResult resume_training(const std::filesystem::path& folder, const ResumeChange& change, TrainObserver& observer,
                            const std::atomic<bool>& stop, const SecondsClock& clock);

}  // namespace camber
