#include "io/child_process.h"

#include <camber/error.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

namespace camber {
namespace {

constexpr rlim_t most_seconds = 10, most_memory = rlim_t{1} << 30;
constexpr std::size_t most_returned = std::size_t{1} << 28;

/// Bytes of address space that this process has: a limit below them would stop it at once.
rlim_t address_space() {
    unsigned long pages = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%lu", &pages) != 1) pages = 0;
        std::fclose(file);
    }
    return rlim_t{pages} * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

void limit(int resource, rlim_t most) {
    rlimit now;
    if (getrlimit(static_cast<__rlimit_resource_t>(resource), &now) != 0) return;
    now.rlim_cur = std::min(most, now.rlim_max);
    setrlimit(static_cast<__rlimit_resource_t>(resource), &now);
}

bool write_all(int to, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = write(to, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) return false;
        if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

/// The child: writes '=' and the result, or '!' and the message of an Error. Never returns.
[[noreturn]] void run_child(int to, rlim_t most_space, const std::function<std::string()>& work) {
    for (const int deadly : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGPIPE, SIGINT, SIGTERM}) {
        std::signal(deadly, SIG_DFL);
    }
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, most_seconds);
    if (most_space > 0) limit(RLIMIT_AS, most_space);
#ifndef __SANITIZE_ADDRESS__  // whose reports are wanted
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);  // the C library's last words
#endif
    bool good = false;
    try {
        good = write_all(to, "=" + work());
    } catch (const Error& error) {
        good = write_all(to, "!" + std::string(error.what()));
    } catch (...) {
    }
    _exit(good ? 0 : 1);
}

}  // namespace

std::string in_child_process(const std::string& name, const std::string& died, std::uint64_t mapped,
                             const std::function<std::string()>& work) {
    const auto no_child = [&] { fail("{}: no process can be started to read it: {}", name, error_text(errno)); };
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) no_child();
    const rlim_t space = address_space();
    const pid_t child = fork();
    if (child == 0) run_child(ends[1], space > 0 ? space + mapped + most_memory : 0, work);
    const int error = errno;
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        errno = error;
        no_child();
    }
    std::string result;
    char buffer[1 << 16];
    for (;;) {
        const ssize_t count = read(ends[0], buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0 || result.size() > most_returned) break;
        result.append(buffer, static_cast<std::size_t>(count));
    }
    close(ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !result.empty();
    if (!good || (result[0] != '=' && result[0] != '!')) fail("{}: {}", name, died);
    if (result[0] == '!') throw Error(result.substr(1));
    return result.substr(1);
}

SharedMemory::SharedMemory(std::size_t bytes)
    : bytes_(std::max<std::size_t>(bytes, 1)),
      data_(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (data_ == MAP_FAILED) throw std::bad_alloc();
}

SharedMemory::~SharedMemory() { munmap(data_, bytes_); }

}  // namespace camber
