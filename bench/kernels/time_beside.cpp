#include "kernels/time_beside.h"

#include <omp.h>

#include <ctime>

namespace camber::bench {
namespace {

/// Processor time of every thread so far.
std::vector<double> thread_seconds() {
    std::vector<double> seconds(static_cast<std::size_t>(omp_get_max_threads()));
#pragma omp parallel
    {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        seconds[static_cast<std::size_t>(omp_get_thread_num())] =
            static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
    }
    return seconds;
}

/// Of one of `calls` calls.
double processor_seconds(const std::function<void()>& call, int calls) {
    const std::vector<double> before = thread_seconds();
    for (int i = 0; i < calls; ++i) call();
    const std::vector<double> after = thread_seconds();
    double most = 0;
    for (std::size_t i = 0; i < after.size(); ++i) most = std::max(most, after[i] - before[i]);
    return most / calls;
}

}  // namespace

Beside time_beside(const std::function<void()>& call, const std::function<void()>& other, const Rounds& rounds) {
    const int calls = calls_of_round(Device::cpu, call, rounds), others = calls_of_round(Device::cpu, other, rounds);
    std::vector<double> times, other_times;
    for (int round = 0; round < rounds.count; ++round) {
        other_times.push_back(processor_seconds(other, others));
        times.push_back(processor_seconds(call, calls));
    }
    return {spread_of(times), spread_of(other_times)};
}

}  // namespace camber::bench
