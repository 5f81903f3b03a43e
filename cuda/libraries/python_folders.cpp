#include "cuda/libraries/python_folders.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <string>

namespace camber::libraries {
namespace {

using Clock = std::chrono::steady_clock;

/// What a program prints, up to as much as a list of folders can be; empty when it takes longer than `limit`.
class Output {
  public:
    explicit Output(std::chrono::milliseconds limit) : deadline_(Clock::now() + limit) {}
    /// Whether there may be more.
    bool read(int from) {
        constexpr std::size_t most = 1 << 20;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
        pollfd wanted{from, POLLIN, 0};
        const int ready = left > 0 ? ::poll(&wanted, 1, static_cast<int>(left)) : 0;
        if (ready < 0) return errno == EINTR;
        if (ready == 0) {
            text_.clear();
            return false;
        }
        char buffer[4096];
        const ssize_t count = ::read(from, buffer, sizeof buffer);
        if (count < 0) return errno == EINTR;
        text_.append(buffer, static_cast<std::size_t>(count));
        return count > 0 && text_.size() < most;
    }
    const std::string& text() const { return text_; }

  private:
    Clock::time_point deadline_;
    std::string text_;
};

std::string output_of(const std::vector<const char*>& command, std::chrono::milliseconds limit) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    // A group of its own: `python3` may be a script that starts the real one, and both must end.
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    std::vector<char*> arguments;
    for (const char* argument : command) arguments.push_back(const_cast<char*>(argument));
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, command[0], &actions, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    Output output(limit);
    if (!failed) {
        while (output.read(ends[0])) {
        }
        ::kill(-child, SIGKILL);
        while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    ::close(ends[0]);
    return output.text();
}

}  // namespace

std::vector<std::filesystem::path> python_folders(std::chrono::milliseconds limit) {
    std::istringstream lines(output_of({"python3", "-I", "-c", "import sys; print('\\n'.join(sys.path))"}, limit));
    std::vector<std::filesystem::path> folders;
    for (std::string line; std::getline(lines, line);) {
        std::error_code error;
        if (line.starts_with('/') && std::filesystem::is_directory(line, error)) folders.emplace_back(line);
    }
    return folders;
}

}  // namespace camber::libraries
