#pragma once
#include <camber/error.h>

#include <future>
#include <system_error>
#include <thread>
#include <utility>

namespace camber {

[[noreturn]] inline void fail_to_start(const std::system_error& error) {
    fail("a thread cannot be started: {}; ask for fewer threads, or give the process more memory",
         error_text(error.code().value()));
}

/// A thread that runs `work`. Throws Error where the system gives none.
template <class Work>
std::jthread start_thread(Work&& work) {
    try {
        return std::jthread(std::forward<Work>(work));
    } catch (const std::system_error& error) {
        fail_to_start(error);
    }
}

/// What `work` gives or throws, run by a thread of its own. Throws Error where the system gives none.
template <class Work>
auto in_thread(Work&& work) {
    try {
        return std::async(std::launch::async, std::forward<Work>(work));
    } catch (const std::system_error& error) {
        fail_to_start(error);
    }
}

}  // namespace camber
