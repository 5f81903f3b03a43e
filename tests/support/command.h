#pragma once
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/files.h"

namespace camber::testing {

struct CommandResult {
    int exit_code = -1;  ///< -1 when a signal ended it
    int signal = 0;
    std::string output, errors;
    long peak_kilobytes = 0;  ///< of memory
};

struct CommandLimits {
    std::optional<rlim_t> file_size;  ///< bytes; stands in for a full disk
    int signal = 0;                   ///< sent after `delay`, or as soon as `when` is true where there is one
    std::chrono::microseconds delay{0};
    std::optional<rlim_t> addresses = {};  ///< bytes, as by ulimit -v
    std::function<bool()> when = {};
    std::filesystem::path folder = {};  ///< to run in; empty: here
    std::string output = {};            ///< file that standard output goes to; empty: into CommandResult
};

/// Runs the camber command with `arguments`, waits for it, and gives what it printed.
inline CommandResult run_camber(const std::vector<std::string>& arguments, const CommandLimits& limits = {}) {
    static int runs = 0;
    const std::filesystem::path base = std::filesystem::temp_directory_path() /
                                       ("camber-command-" + std::to_string(getpid()) + "-" + std::to_string(runs++));
    const std::string output = base.string() + ".out", errors = base.string() + ".err";
    std::vector<const char*> argv = {CAMBER_COMMAND};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
        const std::string& to = limits.output.empty() ? output : limits.output;
        dup2(open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
        dup2(open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
        if (!limits.folder.empty() && chdir(limits.folder.c_str()) != 0) _exit(126);
        if (limits.file_size) {
            const rlimit limit{*limits.file_size, *limits.file_size};
            setrlimit(RLIMIT_FSIZE, &limit);
        }
        if (limits.addresses) {
            const rlimit limit{*limits.addresses, *limits.addresses};
            setrlimit(RLIMIT_AS, &limit);
        }
        execv(CAMBER_COMMAND, const_cast<char* const*>(argv.data()));
        _exit(127);
    }
    int status = 0;
    rusage usage{};
    bool ended = false;
    if (limits.signal) {
        std::this_thread::sleep_for(limits.delay);
        while (limits.when && !limits.when() && !ended) ended = wait4(child, &status, WNOHANG, &usage) == child;
        if (!ended) kill(child, limits.signal);
    }
    if (!ended) wait4(child, &status, 0, &usage);
    CommandResult result;
    result.peak_kilobytes = usage.ru_maxrss;
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    result.output = read_text(output);
    result.errors = read_text(errors);
    std::filesystem::remove(output);
    std::filesystem::remove(errors);
    return result;
}

}  // namespace camber::testing
