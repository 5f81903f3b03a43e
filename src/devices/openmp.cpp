#include "devices/openmp.h"

#include <omp.h>

#include <atomic>
#include <cstdlib>
#include <latch>
#include <mutex>
#include <vector>

#include "core/thread.h"

extern "C" __attribute__((weak)) void kmp_set_blocktime(int milliseconds);  // of LLVM's runtime

namespace camber {
namespace {

void start_team() {
#pragma omp parallel
    asm volatile("");  // an empty region would be left out
}

/// Whether so many threads can be had at the same time; throws Error where not.
void try_threads(int count) {
    std::latch seen(1);
    std::vector<std::jthread> threads;
    threads.reserve(static_cast<std::size_t>(count));  // one without room would be joined, which waits for `seen`
    try {
        for (int i = 0; i < count; ++i) threads.push_back(start_thread([&seen] { seen.wait(); }));
    } catch (...) {
        seen.count_down();
        throw;
    }
    seen.count_down();
}

/// GCC's runtime reads how its threads wait before main(), and has them spin for milliseconds as long as it counts no
/// more of them than processors. So it is given more: a team that sleeps for as long as the program runs.
void outnumber_processors() {
    const int members = std::max(1, omp_get_num_procs() - omp_get_max_threads() + 1) + 1;
    try_threads(members);
    std::latch started(1);
    start_thread([&started, members] {
        omp_set_num_threads(members);
        start_team();
        started.count_down();
        std::latch(1).wait();
    }).detach();
    started.wait();
}

}  // namespace

void start_openmp() {
    constexpr int most = 1024;  // libgomp has a table of them on its stack
    const int count = omp_get_max_threads();
    if (count > most) fail_usage("OMP_NUM_THREADS: {} threads, where {} are the most", count, most);
    try_threads(count - 1);
    start_team();
}

void wait_passively() noexcept {
    static std::atomic<bool> done = false;
    if (done.load(std::memory_order_relaxed) || omp_get_max_threads() == 1) return;
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    if (done.exchange(true) || std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;
    if (kmp_set_blocktime) return kmp_set_blocktime(0);
    try {
        outnumber_processors();
    } catch (...) {
        // Without the threads that it takes, others spin.
    }
}

}  // namespace camber
