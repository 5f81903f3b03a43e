#include "core/parallel_for.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <vector>

#include "core/thread.h"

namespace camber {

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work,
                  const Progress& progress) {
    if (count == 0) return;
    std::size_t workers = threads > 0 ? static_cast<std::size_t>(threads) : std::thread::hardware_concurrency();
    workers = std::clamp<std::size_t>(workers, 1, count);

    std::mutex mutex;
    std::condition_variable changed;
    std::size_t next = 0, done = 0, running = workers, failed_at = count;
    std::exception_ptr failure;
    const auto run = [&] {
        std::unique_lock lock(mutex);
        // Items below a failed one were all begun before it, so waiting for the workers sees every lower failure.
        while (next < count && !failure) {
            const std::size_t item = next++;
            lock.unlock();
            std::exception_ptr error;
            try {
                work(item);
            } catch (...) {
                error = std::current_exception();
            }
            lock.lock();
            ++done;
            if (error && item < failed_at) {
                failed_at = item;
                failure = error;
            }
            changed.notify_one();
        }
        --running;
        changed.notify_one();
    };

    // A progress callback that throws must also stop the workers, which refer to this frame.
    std::exception_ptr interrupted;
    {
        std::vector<std::jthread> pool;
        pool.reserve(workers);  // a thread that then found no room would be joined, and counted twice
        for (std::size_t i = 0; i < workers; ++i) {
            try {
                pool.push_back(start_thread(run));
            } catch (...) {
                if (pool.empty()) throw;
                break;  // those that there are do it all
            }
        }
        std::unique_lock lock(mutex);
        running -= workers - pool.size();
        std::size_t reported = 0;
        while (running > 0 || reported < done) {
            changed.wait(lock, [&] { return running == 0 || done > reported; });
            if (done == reported) continue;
            reported = done;
            if (!progress || failure) continue;
            lock.unlock();
            try {
                progress(reported, count);
            } catch (...) {
                interrupted = std::current_exception();
            }
            lock.lock();
            if (interrupted && !failure) failure = interrupted;
        }
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace camber
