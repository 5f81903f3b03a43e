#include "devices/openmp.h"

#include <omp.h>

#include <latch>
#include <vector>

#include "core/thread.h"

namespace camber {

void start_openmp() {
    constexpr int most = 1024;  // libgomp has a table of them on its stack
    const int count = omp_get_max_threads();
    if (count > most) fail_usage("OMP_NUM_THREADS: {} threads, where {} are the most", count, most);
    {
        // As many at the same time, to see whether there can be.
        std::latch seen(1);
        std::vector<std::jthread> threads;
        try {
            for (int i = 1; i < count; ++i) threads.push_back(start_thread([&seen] { seen.wait(); }));
        } catch (...) {
            seen.count_down();
            throw;
        }
        seen.count_down();
    }
#pragma omp parallel
    {}
}

}  // namespace camber
