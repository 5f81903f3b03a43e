#include "c_interface/turn.h"

#include <omp.h>
#include <unistd.h>

#include <atomic>

#include "c_interface/status.h"
#include "devices/openmp.h"

namespace camber::c_interface {
namespace {

void refuse_after_fork() {
    static std::atomic<pid_t> first = 0;
    pid_t none = 0;
    const pid_t here = getpid();
    if (!first.compare_exchange_strong(none, here) && none != here)
        refuse(CAMBER_NO_DEVICE,
               "this process was forked from one that had used Camber, whose threads it lacks: start it anew (Python's "
               "multiprocessing: the start method 'spawn'), or fork first");
}

/// OpenMP has a set of threads for each thread that computes, and ends the program where it cannot start them.
void start_threads() {
    thread_local int started = 1;
    const int wanted = omp_get_max_threads();
    if (wanted <= started) return;
    start_openmp();
    started = wanted;
}

}  // namespace

std::unique_lock<std::mutex> gpu_turn(Device device) {
    static auto* const gpu = new std::mutex;  // for calls at the end of the program too
    return is_host(device) ? std::unique_lock<std::mutex>() : std::unique_lock(*gpu);
}

// How many threads there are to be is each thread's own in OpenMP.
Turn::Turn(Device device, int threads) : threads_before_(omp_get_max_threads()) {
    refuse_after_fork();
    gpu_ = gpu_turn(device);
    if (threads > 0) omp_set_num_threads(threads);
    try {
        start_threads();
    } catch (...) {
        omp_set_num_threads(threads_before_);
        throw;
    }
}

Turn::~Turn() { omp_set_num_threads(threads_before_); }

}  // namespace camber::c_interface
