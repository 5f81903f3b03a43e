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
};

/// This OS thread's.
Queue& queue();

}  // namespace camber::emulator
