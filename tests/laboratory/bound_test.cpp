#include "cuda/laboratory/bound.h"

#include <doctest/doctest.h>

namespace camber::laboratory {
namespace {

emulator::LaunchCounts launch_of(unsigned threads, std::size_t shared_bytes = 0) {
    emulator::LaunchCounts launch;
    launch.shape.grid = dim3(1000);
    launch.shape.block = dim3(threads);
    launch.shape.shared_bytes = shared_bytes;
    return launch;
}

}  // namespace

TEST_CASE("occupancy: by threads, registers, shared memory, blocks") {
    const Gpu &h100 = find_gpu("H100"), &t4 = find_gpu("T4");
    const auto check = [](const Occupancy& o, int blocks, double share, const std::string& limit) {
        CHECK(o.blocks == blocks);
        CHECK(o.share == doctest::Approx(share));
        CHECK(o.limit == limit);
    };
    check(occupancy(launch_of(256), 32, h100), 8, 1, "threads");
    check(occupancy(launch_of(256), 64, h100), 4, 0.5, "registers");
    check(occupancy(launch_of(256), 255, h100), 1, 0.125, "registers");
    check(occupancy(launch_of(128, 64 * 1024), 32, h100), 3, 12.0 / 64, "shared memory");
    check(occupancy(launch_of(32), 32, h100), 32, 0.5, "blocks");
    check(occupancy(launch_of(256), 32, t4), 4, 1, "threads");
    check(occupancy(launch_of(128, 100 * 1024), 32, t4), 0, 0, "shared memory");
}

TEST_CASE("a copy that moves what it must is bound by memory, one of a line a lane by its requests") {
    const Gpu& h100 = find_gpu("H100");
    constexpr std::int64_t elements = 1 << 20;
    Problem problem;
    problem.bytes = 2 * elements * 4;
    emulator::LaunchCounts copy = launch_of(256);
    copy.sectors_read = copy.sectors_written = elements / 8;
    copy.bytes_in_flight = 16;
    emulator::SiteCounts load;
    load.requests = elements / 128;
    load.lanes = elements / 4;
    load.bytes = 16;
    load.lines = elements / 32;
    copy.sites = {load};
    Bound b = bound({copy}, problem, h100);
    CHECK(b.share == doctest::Approx(1));
    CHECK(b.needs.largest() == std::string("memory"));

    copy.sites[0].lines = 8 * elements;
    b = bound({copy}, problem, h100);
    CHECK(b.needs.largest() == std::string("load/store"));
    CHECK(b.needs.load_store == doctest::Approx(8.0 * elements / 132 / h100.clock()));
    CHECK(b.share < 0.1);

    copy.sites[0].lines = elements / 32;
    copy.bytes_in_flight = 1;
    b = bound({copy}, problem, h100);
    CHECK(b.needs.largest() == std::string("latency"));
}

TEST_CASE("products: f32 units against tensor cores") {
    const Gpu& a100 = find_gpu("A100");
    Problem problem;
    problem.bytes = 1;
    problem.operations = 1e12;
    problem.tensor_cores = true;
    emulator::LaunchCounts scalar = launch_of(256), tensor = launch_of(128);
    tensor.tensor_operations = 1'000'000'000'000;
    CHECK(bound({scalar}, problem, a100).share == doctest::Approx(19.5 / 312));
    CHECK(bound({tensor}, problem, a100).share == doctest::Approx(1));
    CHECK(bound({tensor}, problem, a100).runs);
    CHECK(!bound({tensor}, problem, find_gpu("T4")).runs);
}

TEST_CASE("clocks that published rates come to") {
    CHECK(find_gpu("H100").clock() == doctest::Approx(1.98e9).epsilon(0.01));
    CHECK(find_gpu("A100").clock() == doctest::Approx(1.41e9).epsilon(0.01));
    CHECK(find_gpu("RTX4090").clock() == doctest::Approx(2.52e9).epsilon(0.01));
    CHECK(find_gpu("T4").clock() == doctest::Approx(1.59e9).epsilon(0.01));
    CHECK_THROWS_WITH(find_gpu("K80"), "no rates are recorded of the GPU 'K80'; they are of H100, A100, RTX4090, T4");
}

}  // namespace camber::laboratory
