// Copies through page-locked memory, and times by events.
#include <doctest/doctest.h>

#include <thread>

#include "cuda/runtime/event_timeline.h"
#include "cuda/runtime/staging.h"
#include "cuda_runtime/device.h"
#include "cuda_runtime/scenario.h"

using namespace camber;
using testing::Block;
using testing::launch_add;
using testing::run_scenario;

namespace {

std::vector<std::uint8_t> bytes(std::size_t count, unsigned seed = 0) {
    std::vector<std::uint8_t> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<std::uint8_t>((i + seed) * 31 % 251);
    return values;
}

}  // namespace

TEST_CASE("staged copies arrive whole, whatever the host does next") {
    for (const std::size_t pinned : {std::size_t{1} << 20, std::size_t{2500}, std::size_t{0}}) {
        CAPTURE(pinned);
        CHECK(run_scenario([pinned] {
                  cuda::device_properties();
                  const Block y(10007);
                  stand_in::machine().pinned = pinned;  // three buffers, two, none
                  cuda::Staging staging(1000, 3);
                  std::vector<std::uint8_t> host = bytes(10007);
                  staging.upload(y.data(), host.data(), host.size());
                  std::fill(host.begin(), host.end(), std::uint8_t{0});
                  if (stand_in::counts().timing_events > 0) return "its events take the time";
                  return y.host() == bytes(10007) ? "" : "wrong bytes";
              }) == "");
    }
}

TEST_CASE("threads may share the device's memory") {
    CHECK(run_scenario([] {
              cuda::synchronize();
              std::vector<std::thread> threads;
              std::vector<int> wrong(4);
              for (unsigned t = 0; t < 4; ++t)
                  threads.emplace_back([&, t] {
                      for (unsigned i = 0; i < 200; ++i) {
                          const std::vector<std::uint8_t> host = bytes(500 + 997 * ((t + i) % 5), t + i);
                          const Block x(host.size());
                          cuda::gpu_memory().copy_from_host(x.data(), host.data(), host.size());
                          wrong[t] += x.host() != host;
                      }
                  });
              for (std::thread& thread : threads) thread.join();
              return wrong == std::vector<int>(4) ? "" : "wrong bytes";
          }) == "");
}

TEST_CASE("times are taken by events, which are waited for when they are asked for and then used again") {
    CHECK(run_scenario([] {
              const Block x(64, 1);
              cuda::synchronize();
              const std::size_t waits = stand_in::counts().waits, events = stand_in::counts().events;
              cuda::EventTimeline timeline;
              for (int step = 0; step < 3; ++step) {
                  const std::size_t begin = timeline.mark();
                  launch_add("long", x.data(), 0, 64, 1, 8000);
                  timeline.mark();
                  launch_add("short", x.data(), 0, 64, 1, 0.25);
                  const std::size_t end = timeline.mark();
                  if (stand_in::counts().waits != waits + static_cast<std::size_t>(step)) return "waited between";
                  const std::vector<double> seconds = timeline.seconds();
                  if (begin != 0 || end != 2 || seconds != std::vector<double>{0, 8, 8.00025}) return "wrong times";
              }
              return stand_in::counts().events == events + 3 ? "" : "events are not used again";
          }) == "");
}
