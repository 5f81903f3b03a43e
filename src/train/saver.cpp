#include "train/saver.h"

#include <time.h>

#include <chrono>
#include <system_error>
#include <utility>

namespace camber {
namespace {

double processor_seconds_of_thread() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// Spends its lifetime.
class Spending {
  public:
    explicit Spending(SaveBudget& budget) : budget_(budget), start_(std::chrono::steady_clock::now()) {}
    ~Spending() { budget_.spend(std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count()); }
    Spending(const Spending&) = delete;
    Spending& operator=(const Spending&) = delete;

  private:
    SaveBudget& budget_;
    std::chrono::steady_clock::time_point start_;
};

}  // namespace

bool Saver::has_room(const Checkpoint& checkpoint) const {
    if (!shares_processors_) return true;  // a GPU's host has little else to hold
    std::int64_t bytes = 0;
    for (const NamedTensor& named : checkpoint.tensors) bytes += static_cast<std::int64_t>(named.tensor.bytes());
    return has_spare(Device::cpu, bytes);
}

void Saver::keep_best(const Checkpoint& best, std::function<void()> paint) {
    if (!folder_.writes()) return;
    const Spending spending(budget_);
    best_.reset();  // its memory serves the next one
    paint_ = std::move(paint);
    if (!has_room(best)) {
        wait();
        best_ = best;
        return begin(std::nullopt, {}, true);
    }
    try {
        best_ = best.copy(CopyTo::same_device);
    } catch (const OutOfMemory&) {
        best_ = best.copy(CopyTo::host);
    }
}

bool Saver::has_time(double elapsed) const {
    const bool idle = !writing_.valid() || writing_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    return idle && budget_.allows(elapsed);
}

void Saver::save(const Checkpoint& last, const std::filesystem::path& keep) {
    if (!folder_.writes()) return;
    const Spending spending(budget_);
    wait();
    const bool copies = has_room(last);
    begin(copies ? last.copy(CopyTo::host) : last, keep, !copies);
}

void Saver::save_best() {
    wait();
    if (best_) begin(std::nullopt);
}

void Saver::begin(std::optional<Checkpoint> last, const std::filesystem::path& keep, bool in_turn) {
    std::optional<Checkpoint> best = std::exchange(best_, std::nullopt);
    if (best && !shares_processors_) best = best->copy(CopyTo::host);
    budget_.count_save();
    const auto write = [folder = folder_, best = std::move(best), last = std::move(last), keep,
                        paint = std::exchange(paint_, nullptr)] {
        const double start = processor_seconds_of_thread();
        folder.sync_metrics();
        if (paint) paint();
        if (best) save_checkpoint(folder.best(), *best);
        if (last) {
            save_checkpoint(folder.last(), *last);
            folder.note_checkpoint();
            if (!keep.empty()) folder.keep_last(keep);
        }
        return processor_seconds_of_thread() - start;
    };
    if (in_turn) {
        write();
        return;
    }
    try {
        writing_ = std::async(std::launch::async, write);
    } catch (const std::system_error&) {
        // Without a thread for it, training waits.
        std::promise<double> written;
        written.set_value(write());
        writing_ = written.get_future();
    }
}

void Saver::check() {
    if (writing_.valid() && writing_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) wait();
}

void Saver::wait() {
    if (!writing_.valid()) return;
    const double seconds = writing_.get();
    if (shares_processors_) budget_.spend(seconds);
}

}  // namespace camber
