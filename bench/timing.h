#pragma once
#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

namespace camber::bench {

/// Seconds that `work` takes by the host's clock.
template <class Work>
double seconds_of(const Work& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// How some times are spread.
struct Spread {
    double best = 0, median = 0, p90 = 0;
};

/// Of at least one time. Quantiles are the nearest-rank ones: always one of the times.
inline Spread spread_of(std::vector<double> times) {
    std::sort(times.begin(), times.end());
    const auto quantile = [&](double q) {
        const double rank = std::ceil(q * static_cast<double>(times.size()));
        return times[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
    };
    return {times.front(), quantile(0.5), quantile(0.9)};
}

}  // namespace camber::bench
