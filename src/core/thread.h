#pragma once
#include <camber/error.h>

#include <system_error>
#include <thread>
#include <utility>

namespace camber {

/// A thread that runs `work`. Throws Error where the system gives none.
template <class Work>
std::jthread start_thread(Work&& work) {
    try {
        return std::jthread(std::forward<Work>(work));
    } catch (const std::system_error& error) {
        fail("a thread cannot be started: {}; ask for fewer threads, or give the process more memory",
             error_text(error.code().value()));
    }
}

}  // namespace camber
