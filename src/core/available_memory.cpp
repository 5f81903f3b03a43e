#include "core/available_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace camber {
namespace {

constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

/// The number a file begins with; `otherwise` where it holds none ("max"), or does not exist.
std::int64_t number_in(const char* file, std::int64_t otherwise) {
    std::ifstream stream(file);
    std::int64_t number = 0;
    return stream >> number ? number : otherwise;
}

std::int64_t of_machine() {
    std::ifstream stream("/proc/meminfo");
    std::int64_t kib = 0;
    for (std::string key, rest; stream >> key; std::getline(stream, rest))
        if (key == "MemAvailable:" && stream >> kib) return kib << 10;
    return std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE) / 2;
}

/// What a file of names and numbers says of `name`; 0 where it does not.
std::int64_t number_of(const char* file, const std::string& name) {
    std::ifstream stream(file);
    std::string key;
    for (std::int64_t number = 0; stream >> key >> number;)
        if (key == name) return number;
    return 0;
}

std::int64_t of_group() {
    const std::int64_t most = number_in("/sys/fs/cgroup/memory.max", no_limit);
    if (most == no_limit) return no_limit;
    // Files' pages are given back when memory is wanted.
    const char* const parts = "/sys/fs/cgroup/memory.stat";
    return most - number_in("/sys/fs/cgroup/memory.current", 0) + number_of(parts, "inactive_file") +
           number_of(parts, "active_file");
}

std::int64_t of_addresses() {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return no_limit;
    const std::int64_t used = number_in("/proc/self/statm", 0) * sysconf(_SC_PAGESIZE);
    return static_cast<std::int64_t>(limit.rlim_cur) - used;
}

}  // namespace

std::int64_t available_memory() {
    return std::max(std::int64_t{0}, std::min({of_machine(), of_group(), of_addresses()}));
}

}  // namespace camber
