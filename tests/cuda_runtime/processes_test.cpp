// What processes that each have a GPU ask of the run time.
#include <doctest/doctest.h>

#include <thread>

#include "core/local_process.h"
#include "cuda_runtime/device.h"
#include "cuda_runtime/scenario.h"

using namespace camber;
using testing::Block;
using testing::run_scenario;

TEST_CASE("each process of a machine has its own GPU, in every thread") {
    for (const int number : {0, 1, 3}) {
        CHECK(run_scenario([&]() -> std::string {
                  stand_in::machine().devices = 2;
                  local_process.number = number;
                  if (cuda::device_number() != number % 2) return "another device";
                  if (cuda::device_identity() != std::string(31, '0') + (number % 2 ? "1" : "0"))
                      return cuda::device_identity();
                  int chosen = 0;
                  std::thread([&] {
                      cudaSetDevice(0);
                      cuda::device_properties();
                      chosen = stand_in::counts().device;
                  }).join();
                  return chosen == number % 2 ? "" : "another device in a thread";
              }) == "");
    }
}

TEST_CASE("streams are ordered both ways") {
    const auto sees = [](bool forth, bool back) {
        return run_scenario([=]() -> std::string {
            const Block block(64, 1);
            const std::vector<std::uint8_t> host(64, 7);
            testing::launch_add("adds", block, 1);
            if (forth) cuda::order(cuda::StreamKind::compute, cuda::StreamKind::sums);
            cuda::copy_to_device(block.data(), host.data(), host.size(), cuda::StreamKind::sums);
            if (back) cuda::order(cuda::StreamKind::sums, cuda::StreamKind::compute);
            testing::launch_add("adds", block, 1);
            return std::to_string(block.host()[0]);
        });
    };
    CHECK(sees(true, true) == "8");
    CHECK(sees(true, false) == "3");  // nobody waited for the stream of sums
}

TEST_CASE("waits for the device are watched") {
    const auto run = [](int queries, double limit) {
        return run_scenario([=]() -> std::string {
            cuda::compute_stream();
            stand_in::machine().queries_before_ready = queries;
            cuda::watch_waits([=](double seconds) {
                if (seconds > limit) fail("rank 1 did not come");
            });
            cuda::synchronize();
            return "done";
        });
    };
    CHECK(run(5, 60) == "done");
    CHECK(run(1 << 30, 0.1) == "rank 1 did not come");
}
