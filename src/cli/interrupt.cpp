#include "cli/interrupt.h"

#include <csignal>

namespace camber::cli {
namespace {

std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int signal) {
    requested = true;
    std::signal(signal, SIG_DFL);
}

}  // namespace

const std::atomic<bool>& interruption() {
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    std::signal(SIGUSR1, on_signal);  // a batch system's warning that the time is up
    return requested;
}

void interrupt() { requested = true; }

}  // namespace camber::cli
