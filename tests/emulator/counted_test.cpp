#include "emulator/counted.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>

#include "emulator/execution.h"

#if !defined(__SANITIZE_ADDRESS__)  // where kernels have no hooks

namespace camber::testing {
namespace {

using emulator::AccessKind;
using emulator::LaunchCounts;
using emulator::SiteCounts;
using emulator::WarpOp;

/// The one site of the launch with this kind of access.
SiteCounts site(const LaunchCounts& launch, AccessKind kind, bool shared) {
    std::vector<SiteCounts> found;
    std::copy_if(launch.sites.begin(), launch.sites.end(), std::back_inserter(found),
                 [&](const SiteCounts& s) { return s.kind == kind && s.shared == shared; });
    REQUIRE(found.size() == 1);
    return found[0];
}

SiteCounts global_load(const LaunchCounts& launch) { return site(launch, AccessKind::load, false); }
SiteCounts shared_load(const LaunchCounts& launch) { return site(launch, AccessKind::load, true); }

std::int64_t operations(const LaunchCounts& launch, WarpOp op) {
    return launch.warp_operations[static_cast<std::size_t>(op)];
}

}  // namespace

TEST_CASE("sectors of a request: coalesced, misaligned, strided, broadcast") {
    struct {
        int begin, stride;
        std::int64_t sectors, lines, wanted, least;
    } constexpr cases[] = {
        {0, 1, 4, 1, 128, 4},     // 128 bytes side by side
        {1, 1, 5, 2, 128, 4},     // four bytes further
        {8, 1, 4, 2, 128, 4},     // a sector further: another line, not another sector
        {0, 2, 8, 2, 128, 4},     // every other element
        {0, 8, 32, 8, 128, 4},    // a sector a lane
        {0, 32, 32, 32, 128, 4},  // a line a lane
        {0, 0, 1, 1, 4, 1},       // one element for all
    };
    for (const auto& c : cases) {
        CAPTURE(c.begin);
        CAPTURE(c.stride);
        const SiteCounts load = global_load(count_strided(c.begin, c.stride));
        CHECK(load.requests == 1);
        CHECK(load.lanes == 32);
        CHECK(load.bytes == 4);
        CHECK(load.sectors == c.sectors);
        CHECK(load.lines == c.lines);
        CHECK(load.wanted_bytes == c.wanted);
        CHECK(load.least_sectors == c.least);
    }
}

TEST_CASE("16 bytes a lane are one request of 16 sectors") {
    const LaunchCounts launch = count_float4();
    const SiteCounts load = global_load(launch);
    CHECK(load.requests == 1);
    CHECK(load.bytes == 16);
    CHECK(load.sectors == 16);
    CHECK(load.wanted_bytes == 512);
    CHECK(launch.sectors_read == 16);
    CHECK(launch.sectors_written == 4);
    CHECK(launch.bytes_in_flight == 16);
}

TEST_CASE("lanes that take part") {
    const SiteCounts store = site(count_divergent(5), AccessKind::store, false);
    CHECK(store.requests == 1);
    CHECK(store.lanes == 5);
    CHECK(store.sectors == 1);
    CHECK(store.wanted_bytes == 20);
}

TEST_CASE("a loop that lanes leave one after another has a request a round") {
    const LaunchCounts launch = count_uneven_loop();
    const SiteCounts load = global_load(launch);
    CHECK(load.requests == 32);
    CHECK(load.lanes == 32 * 33 / 2);
    CHECK(load.wanted_bytes == 4 * load.lanes);
    CHECK(launch.bytes_in_flight == 32 * 4);
}

TEST_CASE("lanes that skip a branch wait for the others in that round") {
    const LaunchCounts launch = count_branch_in_loop();
    const auto read = [&](std::int64_t lanes) {
        for (const SiteCounts& s : launch.sites)
            if (s.kind == AccessKind::load && s.lanes == lanes) return s;
        FAIL("no such site");
        return SiteCounts{};
    };
    CHECK(read(4 * 32).requests == 4);
    CHECK(read(24 + 16 + 8).requests == 3);
    CHECK(read(24 + 16 + 8).sectors == 3 + 2 + 1);
}

TEST_CASE("asynchronous copies of zeros are executed and read nothing") {
    const LaunchCounts launch = count_cut_copies();
    const SiteCounts from = site(launch, AccessKind::copy_async, false),
                     to = site(launch, AccessKind::copy_async, true);
    CHECK(from.requests == 2);
    CHECK(from.lanes == 8 + 9);
    CHECK(to.requests == 2);
    CHECK(to.lanes == 2 * 32);
    CHECK(to.wavefronts == 2 * 4);
}

TEST_CASE("bank conflicts: none, 2, 8, 32 ways, and a broadcast") {
    struct {
        int stride;
        std::int64_t wavefronts;
    } constexpr cases[] = {{1, 1}, {2, 2}, {3, 1}, {8, 8}, {31, 1}, {32, 32}, {0, 1}};
    for (const auto& c : cases) {
        CAPTURE(c.stride);
        const SiteCounts load = shared_load(count_shared(c.stride));
        CHECK(load.array == "tile");
        CHECK(load.requests == 1);
        CHECK(load.wavefronts == c.wavefronts);
        CHECK(load.least_wavefronts == 1);
    }
}

TEST_CASE("wide accesses to shared memory go by half and quarter warps") {
    CHECK(shared_load(count_shared_float2()).wavefronts == 2);
    CHECK(shared_load(count_shared_float2()).least_wavefronts == 2);
    CHECK(shared_load(count_shared_float4()).wavefronts == 4);
    CHECK(shared_load(count_shared_float4()).least_wavefronts == 4);
}

TEST_CASE("a transposed tile: columns collide, unless rows are padded or swizzled") {
    const auto ways = [](const SiteCounts& s) { return s.wavefronts / s.least_wavefronts; };
    struct {
        int pitch;
        bool swizzled;
        std::int64_t read_ways;
    } constexpr cases[] = {{32, false, 32}, {33, false, 1}, {32, true, 1}};
    for (const auto& c : cases) {
        CAPTURE(c.pitch);
        CAPTURE(c.swizzled);
        const LaunchCounts launch = count_transpose(c.pitch, c.swizzled);
        CHECK(ways(site(launch, AccessKind::store, true)) == 1);
        CHECK(ways(shared_load(launch)) == c.read_ways);
        CHECK(shared_load(launch).requests == 32);
    }
}

TEST_CASE("ldmatrix: eight rows of 16 bytes at a time") {
    const auto of = [](bool swizzled) { return site(count_load_matrix(swizzled), AccessKind::load_matrix, true); };
    CHECK(of(false).requests == 1);
    CHECK(of(false).least_wavefronts == 4);
    CHECK(of(false).wavefronts == 32);  // all rows begin in one bank
    CHECK(of(true).wavefronts == 4);
}

TEST_CASE("barriers, warp operations, products and asynchronous copies") {
    const LaunchCounts launch = count_operations();
    CHECK(launch.barriers == 2 * 2);
    CHECK(operations(launch, WarpOp::shuffle_xor) == 2 * 2 * 3);
    CHECK(operations(launch, WarpOp::mma) == 2 * 2);
    CHECK(launch.tensor_operations == 2 * 2 * 2 * 16 * 8 * 16);
    CHECK(launch.static_shared_bytes == 1024);
    CHECK(launch.bytes_in_flight == 16);
    const SiteCounts from = site(launch, AccessKind::copy_async, false),
                     to = site(launch, AccessKind::copy_async, true);
    CHECK(from.sectors == 4 * 16);
    CHECK(launch.sectors_read == 2 * 16);  // both blocks read the same
    CHECK(to.wavefronts == 4 * 4);
}

TEST_CASE("a launch's kernel is found by its code") {
    CHECK(emulator::kernel_name(count_shared(1).code) == "shared_kernel<1>");
}

TEST_CASE("what is counted is computed all the same, and nothing is counted that nobody asked for") {
    const std::vector<float> alone = run_block_sum();
    const emulator::Counting counting;
    CHECK(run_block_sum() == alone);
    CHECK(counting.launches().size() == 1);
    count_float4();  // has a Counting of its own
    CHECK(counting.launches().size() == 1);
}

}  // namespace camber::testing

#endif
