#pragma once
#include <atomic>

namespace camber::cli {

/// Exit code of a command ended by Ctrl-C.
inline constexpr int interrupted_exit = 130;

/// Becomes true at the first SIGINT, SIGTERM or SIGUSR1 after this was called; a second one ends the program at once.
const std::atomic<bool>& interruption();
/// The same without a signal.
void interrupt();

}  // namespace camber::cli
