// How faults of kernels are told, and the modes that find them.
#include <doctest/doctest.h>

#include "cuda/runtime/checking.h"
#include "cuda/runtime/graph_recording.h"
#include "cuda_runtime/device.h"
#include "cuda_runtime/scenario.h"
#include "support/errors.h"

using namespace camber;
using testing::Block;
using testing::launch_add;
using testing::launch_fault;
using testing::run_scenario;

namespace {

const std::map<std::string, std::string> check = {{"CAMBER_CHECK", "1"}}, exact = {{"CAMBER_MEMORY", "exact"}},
                                         guarded = {{"CAMBER_MEMORY", "guarded"}},
                                         check_guarded = {{"CAMBER_CHECK", "1"}, {"CAMBER_MEMORY", "guarded"}};

std::string fault_between_two_kernels(const char* name) {
    const Block x(64, 1);
    launch_add("before", x, 1);
    launch_fault(name);
    launch_add("after", x, 1);
    cuda::synchronize();
    return "no fault";
}

}  // namespace

TEST_CASE("a kernel's fault is told by the next call that waits, and with CAMBER_CHECK=1 under the kernel's name") {
    const auto in_kernel = [] { return fault_between_two_kernels("culprit"); };
    CHECK(run_scenario(in_kernel) ==
          "cudaStreamSynchronize: what NVIDIA says (cudaErrorIllegalAddress) while waiting for the device; a kernel "
          "launched before it failed: CAMBER_CHECK=1 names it");
    CHECK(run_scenario(in_kernel, check) == "'culprit' failed: what NVIDIA says (cudaErrorIllegalAddress)");
    // A library's, which does not say what it launches: not the next kernel's.
    CHECK(run_scenario([] { return fault_between_two_kernels(""); }, check) ==
          "a library's call or a copy before 'after' failed: what NVIDIA says (cudaErrorIllegalAddress)");
    CHECK(run_scenario(in_kernel, {{"CAMBER_CHECK", "yes"}}) == "usage: CAMBER_CHECK=yes: it takes 0 or 1");
}

TEST_CASE("a fault in a replayed step names the kernels that it launches") {
    const auto faulty_step = [] {
        const Block x(64, 1);
        const auto recording = cuda::record_graph([&] {
            launch_add("norm", x, 1);
            launch_fault("conv");
            launch_add("norm", x, 1);
        });
        recording->replay();
        cuda::synchronize();
        return std::string("no fault");
    };
    CHECK(run_scenario(faulty_step).find("cudaStreamSynchronize: ") == 0);
    CHECK(run_scenario(faulty_step, check) ==
          "a replayed step failed: what NVIDIA says (cudaErrorIllegalAddress); it launches conv, norm");
}

TEST_CASE("a launch that is refused is named, and the next one is not blamed") {
    CHECK(run_scenario([] {
              const Block x(64, 1);
              const std::string said = testing::error_of([&] {
                  stand_in::refuse_launch(cudaErrorInvalidConfiguration);
                  cuda::check_launch("wide");
              });
              launch_add("next", x, 1);
              return said;
          }) == "kernel launch: what NVIDIA says (cudaErrorInvalidConfiguration) while launching 'wide'");
    // What fails where nothing can be thrown.
    CHECK(run_scenario([] {
              const Block x(64, 1);
              char not_the_devices = 0;
              cuda::give_device_memory(&not_the_devices, 1);
              launch_add("next", x, 1);
              return "";
          }) == "");
}

TEST_CASE("CAMBER_MEMORY takes three words") {
    const auto allocate = [] {
        const Block x(64);
        return std::string("taken");
    };
    for (const char* word : {"", "cached", "exact", "guarded"})
        CHECK(run_scenario(allocate, {{"CAMBER_MEMORY", word}}) == "taken");
    CHECK(run_scenario(allocate, {{"CAMBER_MEMORY", "exactly"}}) ==
          "usage: CAMBER_MEMORY=exactly: it takes cached, exact or guarded");
}

TEST_CASE("CAMBER_MEMORY=exact: every tensor is an allocation of its bytes, which a memory checker sees the end of") {
    const auto one_beyond = [] {
        const Block before(100, 1), x(100, 1), after(100, 1);
        launch_add("overrun", x.data(), 0, 101, 1);
        cuda::synchronize();
        return std::string("not seen");
    };
    CHECK(run_scenario(one_beyond) == "not seen");
    CHECK(run_scenario(one_beyond, exact).find("cudaStreamSynchronize: ") == 0);
    CHECK(run_scenario(
              [] {
                  std::uint8_t* gone = nullptr;
                  {
                      const Block x(100, 1);
                      gone = x.data();
                  }
                  launch_add("use after free", gone, 0, 1, 1);
                  cuda::synchronize();
                  return "not seen";
              },
              exact)
              .find("cudaStreamSynchronize: ") == 0);
}

TEST_CASE("the modes for memory checkers compute what is computed without") {
    const auto steps = [] {
        const Block y(1000, 0);
        const auto work = [&] {
            const Block a(1000), b(1000);
            cuda::gpu_memory().zero(a.data(), 1000);
            launch_add("add", a, 1);
            cuda::gpu_memory().copy_within(b.data(), a.data(), 1000);
            launch_add("add", b, 1);
            { const Block again(1000); }
            cuda::gpu_memory().copy_within(y.data(), b.data(), 1000);
        };
        work();
        const auto first = cuda::record_graph(work), second = cuda::record_graph(work);
        cuda::gpu_memory().trim();
        for (int i = 0; i < 3; ++i) {
            first->replay();
            second->replay();
        }
        return std::string(y.holds(2) ? "right" : "wrong");
    };
    for (const auto& environment : {std::map<std::string, std::string>{}, exact, guarded, check_guarded})
        CHECK(run_scenario(steps, environment) == "right");
}

TEST_CASE("CAMBER_MEMORY=guarded: what wrote beyond a tensor is found when that is released") {
    const auto beyond = [](std::ptrdiff_t from, std::ptrdiff_t to) {
        return [from, to] {
            const Block before(100, 1), after(100, 1);
            {
                const Block x(100, 1);
                launch_add("overrun", x.data(), from, to, 1);
            }
            const Block next(10);
            return std::string("not seen");
        };
    };
    CHECK(run_scenario(beyond(0, 100), guarded) == "not seen");
    CHECK(run_scenario(beyond(0, 101), guarded) ==
          "memory beyond a tensor was written to: byte 100 of a tensor of 100 bytes; CAMBER_CHECK=1 names the kernel");
    CHECK(run_scenario(beyond(107, 109), guarded).find(": byte 107 of a tensor of 100 bytes") != std::string::npos);
    CHECK(run_scenario(beyond(-3, 4), guarded).find(": byte -3 of a tensor of 100 bytes") != std::string::npos);
    CHECK(run_scenario(beyond(0, 101), check_guarded) ==
          "memory beyond a tensor was written to: byte 100 of a tensor of 100 bytes; the last launch was 'overrun'");
}

TEST_CASE("CAMBER_MEMORY=guarded: what wrote beyond a tensor that lives is found when the host waits or reads") {
    for (const bool read : {false, true})
        CHECK(run_scenario(
                  [read] {
                      const Block x(100, 1), y(50, 1);
                      launch_add("overrun", x.data(), 0, 101, 1);
                      if (read) y.host();
                      cuda::check_memory();
                      return "not seen";
                  },
                  guarded)
                  .find(": byte 100 of a tensor of 100 bytes") != std::string::npos);
}

TEST_CASE("CAMBER_MEMORY=guarded: what a replayed step wrote beyond its tensors is found after it") {
    const auto step = [] {
        const auto recording = cuda::record_graph([] {
            const Block scratch(64);
            launch_add("overrun", scratch.data(), 0, 66, 1);
        });
        recording->replay();
        return std::string("not seen");
    };
    CHECK(run_scenario(step) == "not seen");
    CHECK(run_scenario(step, guarded).find(": byte 64 of a tensor of 64 bytes; CAMBER_CHECK=1") != std::string::npos);
    CHECK(run_scenario(step, check_guarded).find("the last launch was 'a replayed step'") != std::string::npos);
}
