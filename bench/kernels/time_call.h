#pragma once
#include <algorithm>
#include <functional>
#include <vector>

#include "backend/backend.h"
#include "timing.h"

namespace camber::bench {

/// How long a call is repeated.
struct Rounds {
    double seconds = 0.05;  ///< of calls a round, so many that the host's clock and the launches do not show
    int count = 7;          ///< their median counts
};

/// Median seconds of one call; the device is waited for at the end of each round.
inline double time_call(Device device, const std::function<void()>& call, const Rounds& rounds) {
    Backend& b = backend(device);
    const auto seconds_of_calls = [&](int calls) {
        return seconds_of([&] {
            for (int i = 0; i < calls; ++i) call();
            b.synchronize();
        });
    };
    seconds_of_calls(1);  // loads the kernel
    const double once = std::max(seconds_of_calls(1), 1e-7);
    const int calls = std::clamp(static_cast<int>(rounds.seconds / once), 1, 1000);
    std::vector<double> times;
    for (int round = 0; round < rounds.count; ++round) times.push_back(seconds_of_calls(calls) / calls);
    return spread_of(times).median;
}

}  // namespace camber::bench
