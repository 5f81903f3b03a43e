#include "cuda_runtime/scenario.h"

#include <camber/error.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace camber::testing {

std::string run_scenario(const std::function<std::string()>& scenario,
                         const std::map<std::string, std::string>& environment) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
        for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
        std::string said;
        try {
            said = scenario();
        } catch (const UsageError& error) {
            said = std::string("usage: ") + error.what();
        } catch (const std::exception& error) {
            said = error.what();
        }
        const bool whole = write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size());
        _exit(whole ? 0 : 1);
    }
    close(ends[1]);
    std::string said;
    char buffer[512];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) said.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? said : "died";
}

}  // namespace camber::testing
