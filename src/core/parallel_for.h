#pragma once
#include <camber/progress.h>

#include <cstddef>
#include <functional>

namespace camber {

/// Runs `work(i)` for i in [0, count) on `threads` workers (0: one per core), in order of i as workers come free.
/// `progress` is called from this thread. After a failure no further item is begun, and the failure of the lowest i is
/// rethrown, so that the message does not depend on timing.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work,
                  const Progress& progress = {});

}  // namespace camber
