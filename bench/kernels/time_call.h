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

/// Seconds of a call among `calls` of them; the device is waited for at the end.
inline double seconds_a_call(Device device, const std::function<void()>& call, int calls) {
    return seconds_of([&] {
               for (int i = 0; i < calls; ++i) call();
               backend(device).synchronize();
           }) /
           calls;
}

/// How many calls a round has.
inline int calls_of_round(Device device, const std::function<void()>& call, const Rounds& rounds) {
    seconds_a_call(device, call, 1);  // loads the kernel
    const double once = std::max(seconds_a_call(device, call, 1), 1e-7);
    return std::clamp(static_cast<int>(rounds.seconds / once), 1, 1000);
}

/// Median seconds of one call.
inline double time_call(Device device, const std::function<void()>& call, const Rounds& rounds) {
    const int calls = calls_of_round(device, call, rounds);
    std::vector<double> times;
    for (int round = 0; round < rounds.count; ++round) times.push_back(seconds_a_call(device, call, calls));
    return spread_of(times).median;
}

}  // namespace camber::bench
