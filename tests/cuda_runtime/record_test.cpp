// Recorded work, its memory, and what a recording refuses.
#include <doctest/doctest.h>

#include <optional>
#include <thread>

#include "cuda/runtime/graph_recording.h"
#include "cuda/runtime/staging.h"
#include "cuda_runtime/device.h"
#include "cuda_runtime/scenario.h"
#include "support/errors.h"

using namespace camber;
using testing::Block;
using testing::launch_add;
using testing::run_scenario;

namespace {
constexpr std::size_t mib = std::size_t{1} << 20;
}

TEST_CASE("a recording runs when it is replayed") {
    CHECK(run_scenario([] {
              const Block x(100, 1);
              const auto recording = cuda::record_graph([&] { launch_add("add", x, 2); });
              if (!x.holds(1)) return "ran while it was recorded";
              recording->replay();
              recording->replay();
              return x.holds(5) && stand_in::counts().uploads == 1 ? "" : "not replayed";
          }) == "");
}

TEST_CASE("copies from the host and waits are refused while a step is recorded, and the device goes on") {
    CHECK(run_scenario([] {
              const Block x(64, 3);
              std::vector<std::uint8_t> host(64, 9);
              cuda::Event event;
              event.record(cuda::StreamKind::compute);
              std::string said;
              const auto refused = [&](const std::function<void()>& work) {
                  said += testing::error_of([&] { cuda::record_graph(work); }) + "\n";
              };
              refused([&] { cuda::copy_to_device(x.data(), host.data(), 64); });
              refused([&] { cuda::gpu_memory().copy_from_host(x.data(), host.data(), 64); });
              refused([&] { cuda::copy_to_host(host.data(), x.data(), 64); });
              refused([&] { cuda::synchronize(); });
              refused([&] { event.wait(); });
              refused([&] { event.record(cuda::StreamKind::compute); });
              refused([&] { cuda::record_graph([] {}); });
              // Not the compute stream: another batch may be on its way.
              const Block other(64);
              const auto recording = cuda::record_graph(
                  [&] { cuda::copy_to_device(other.data(), host.data(), 64, cuda::StreamKind::copy); });
              cuda::Event copied;
              copied.record(cuda::StreamKind::copy);
              copied.wait();
              return said + (x.holds(3) && other.holds(9) ? "" : "wrong bytes");
          }) ==
          "copy_to_device: not possible while a step is recorded\n"
          "copy_to_device: not possible while a step is recorded\n"
          "copy_to_host: not possible while a step is recorded\n"
          "synchronize: not possible while a step is recorded\n"
          "Event::wait: not possible while a step is recorded\n"
          "Event::record: not possible while a step is recorded\n"
          "Graph: not possible while a step is recorded\n");
}

TEST_CASE("a second recording and a trim leave the first one's memory alone") {
    CHECK(run_scenario([] {
              const Block y(4 * mib, 0);
              const auto record_add = [&](int value) {
                  return cuda::record_graph([&, value] {
                      const Block scratch(4 * mib);
                      cuda::gpu_memory().zero(scratch.data(), scratch.bytes());
                      launch_add("add", scratch, value);
                      cuda::gpu_memory().copy_within(y.data(), scratch.data(), y.bytes());
                  });
              };
              const auto first = record_add(1), second = record_add(2);
              cuda::gpu_memory().trim();
              for (int i = 0; i < 2; ++i) {
                  second->replay();
                  first->replay();
                  if (!y.holds(1)) return "wrong bytes";
              }
              return "";
          }) == "");
}

TEST_CASE("a recording that memory is short for takes what lies cached, and never what it recorded before") {
    CHECK(run_scenario([] {
              stand_in::machine().memory = 64 * mib;
              std::optional<Block> cached(std::in_place, 40 * mib, 0);
              const Block y(mib / 2, 0);
              const auto recording = cuda::record_graph([&] {
                  { const Block scratch(8 * mib); }
                  cached.reset();
                  const Block large(32 * mib);
                  launch_add("add", large, 1);
                  // The 8 MiB, free again, stay with the recording.
                  try {
                      const Block too_large(36 * mib);
                  } catch (const Error& error) {
                      return;
                  }
                  throw Error("the recording's own memory was given away");
              });
              recording->replay();
              cuda::synchronize();
              return y.holds(0) ? "" : "wrong bytes";
          }) == "");
}

TEST_CASE("the memory of a recording goes back with it, also when it fails") {
    CHECK(run_scenario([] {
              cuda::synchronize();
              const std::size_t before = stand_in::counts().in_use;
              std::string said;
              {
                  const auto recording = cuda::record_graph([] { const Block scratch(4 * mib); });
                  if (stand_in::counts().in_use < before + 4 * mib) said += "none was taken; ";
              }
              said += testing::error_of([&] {
                  cuda::record_graph([] {
                      const Block scratch(4 * mib);
                      throw Error("no plan");
                  });
              });
              // The device is not left recording.
              cuda::synchronize();
              return said + (stand_in::counts().in_use == before ? "" : ", and its memory was kept");
          }) == "no plan");
}

TEST_CASE("another thread's copy does not get into a recording") {
    CHECK(run_scenario([] {
              const Block x(64, 3);
              std::string said;
              cuda::record_graph([&] {
                  std::thread([&] {
                      said = testing::error_of([&] { cuda::gpu_memory().copy_from_host(x.data(), "other", 5); });
                  }).join();
              });
              return said;
          }) == "copy_to_device: not possible while a step is recorded");
}
