#include "cli/openmp.h"

#include <omp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <latch>
#include <vector>

#include "core/thread.h"

namespace {

/// Whether a text is numbers above 0 of up to nine digits, separated by commas: threads, of nested regions too.
__attribute__((no_sanitize("address", "undefined"))) bool is_thread_count(const char* text) {
    for (;; ++text) {
        while (*text == ' ' || *text == '\t') ++text;
        int digits = 0, number = 0;
        for (; *text >= '0' && *text <= '9' && digits < 9; ++text, ++digits) number = 10 * number + (*text - '0');
        while (*text == ' ' || *text == '\t') ++text;
        if (number == 0 || (*text != ',' && *text != '\0')) return false;
        if (*text == '\0') return true;
    }
}

/// Refuses an OMP_NUM_THREADS that the OpenMP library, when it is loaded, would complain of in lines of its own and go
/// on without. Runs before any library is initialised, so that nothing of them can be used.
__attribute__((no_sanitize("address", "undefined"))) void check_thread_count(int, char**, char** environment) {
    constexpr char name[] = "OMP_NUM_THREADS=";
    constexpr char message[] =
        "camber: error: OMP_NUM_THREADS must be a number of threads, from 1 to 1024; or leave it unset for one a "
        "core\n";
    for (; *environment; ++environment) {
        const char* text = *environment;
        std::size_t i = 0;
        while (i < sizeof name - 1 && text[i] == name[i]) ++i;
        if (i < sizeof name - 1 || is_thread_count(text + i)) continue;
        syscall(SYS_write, STDERR_FILENO, message, sizeof message - 1);
        _exit(2);
    }
}
__attribute__((section(".preinit_array"), used)) void (*const before_libraries)(int, char**,
                                                                                char**) = check_thread_count;

}  // namespace

namespace camber::cli {

void start_openmp() {
    constexpr int most = 1024;  // libgomp has a table of them on its stack
    const int count = omp_get_max_threads();
    if (count > most) fail_usage("OMP_NUM_THREADS: {} threads, where {} are the most", count, most);
    {
        // As many at the same time, to see whether there can be.
        std::latch seen(1);
        std::vector<std::jthread> threads;
        try {
            for (int i = 1; i < count; ++i) threads.push_back(start_thread([&seen] { seen.wait(); }));
        } catch (...) {
            seen.count_down();
            throw;
        }
        seen.count_down();
    }
#pragma omp parallel
    {}
}

}  // namespace camber::cli
