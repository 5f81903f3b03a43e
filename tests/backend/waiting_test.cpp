// How OpenMP's threads wait while a program does something else: they are told when the CPU is first used.
#include <doctest/doctest.h>
#include <omp.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>

#include "backend/backend.h"

using namespace camber;

namespace {

double wall_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

TEST_CASE("a process between whose uses of the CPU threads wait" * doctest::skip()) {
    if (omp_get_max_threads() == 1) return;
    const Tensor values = Tensor::empty({1 << 20}, Dtype::f32, Device::cpu);
    backend(Device::cpu).fill(values, 1);
    const std::clock_t before = std::clock();
    const double begin = wall_seconds();
    for (int i = 0; i < 100; ++i) {
        backend(Device::cpu).fill(values, 1);
        const double used = wall_seconds();
        while (wall_seconds() - used < 0.003) continue;
    }
    const double processor = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    CHECK(processor < 1.5 * (wall_seconds() - begin));  // twice as long where a thread spins beside this one
}

TEST_CASE("threads sleep while they have nothing to do, in a program that says nothing of it") {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    const std::string command = "env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT '" + self +
                                "' --no-skip -tc='a process between whose uses of the CPU threads wait' > /dev/null";
    CHECK(std::system(command.c_str()) == 0);
}
