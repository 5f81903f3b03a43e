#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cuda/emulator/counts.h"

namespace camber::emulator {

/// What an OS thread's work goes to, most of it instead of being done.
struct Queue {
    std::vector<std::function<void()>>* recording = nullptr;  ///< takes it, to be done later
    std::map<std::string, std::int64_t>* counts = nullptr;    ///< counts it under the names of its kernels
    std::vector<LaunchCounts>* launches = nullptr;            ///< work is done; what each launch accesses is added

    /// Of the stream for sums: done as late as it may be, when the compute stream waits for it.
    std::vector<std::function<void()>> beside;
    bool beside_waits = false;          ///< its next work comes after all that the compute stream has been given
    const char* last = "";              ///< kernel that the compute stream was given
    std::function<void(double)> watch;  ///< of waits for another process; may be null
};

/// This OS thread's.
Queue& queue();
/// Gives the compute stream what `beside` holds.
void submit_beside();

}  // namespace camber::emulator
