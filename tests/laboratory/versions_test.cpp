#include <doctest/doctest.h>

#include "cuda/laboratory/report.h"

namespace camber::laboratory {
TEST_CASE("every version of every kernel computes what the reference does") {
    REQUIRE(experiments().size() >= 10);
    for (const Experiment* experiment : experiments()) {
        Trial trial(*experiment, experiment->counted, Device::emulated);
        CHECK_MESSAGE(trial.count() >= 3, experiment->name);
        for (int version = 1; version <= trial.count(); ++version) {
            INFO(experiment->name << ", version " << version << ": " << trial.what(version));
            CHECK(trial.error(version) <= trial.problem().tolerance);
        }
    }
}

#if !defined(__SANITIZE_ADDRESS__)  // where nothing is counted

// What the stories of docs/kernels say of their versions.
namespace {

Totals counted(Trial& trial, int version) { return totals(trial.count_accesses(version)); }

/// A kernel at the shape that stories count it at.
Trial trial_of(const char* name) {
    const Experiment& experiment = find_experiment(name);
    return {experiment, experiment.counted, Device::emulated};
}

double per_request(std::int64_t n, const Totals& t) { return static_cast<double>(n) / static_cast<double>(t.requests); }

}  // namespace

TEST_CASE("max_pool: channels side by side, then 16 bytes of them") {
    Trial trial = trial_of("max_pool");
    const Totals pixels = counted(trial, 1), channels = counted(trial, 2), shipped = counted(trial, 3);
    CHECK(per_request(pixels.sectors, pixels) == 32);
    CHECK(per_request(channels.sectors, channels) == 2);
    CHECK(channels.sectors == channels.least_sectors);
    CHECK(shipped.sectors == shipped.least_sectors);
    CHECK(channels.requests == 8 * shipped.requests);
    CHECK(channels.bytes_touched == trial.problem().bytes);
}

TEST_CASE("resize: outputs that share their inputs ask for a quarter of it") {
    Trial trial = trial_of("resize");
    const std::int64_t stores = bytes_of(trial.problem().out) / 32;
    const Totals element = counted(trial, 1), wide = counted(trial, 2), shipped = counted(trial, 3);
    CHECK(element.requests == 8 * wide.requests);
    CHECK(element.sectors - stores == 4 * stores);
    CHECK(wide.sectors < element.sectors);  // lanes of two columns share an input
    CHECK(shipped.sectors - stores < (element.sectors - stores) / 3);
}

TEST_CASE("sum: conflicts of the tree, and none of its mirror image") {
    Trial trial = trial_of("sum");
    const Totals interleaved = counted(trial, 2), sequential = counted(trial, 3), shuffles = counted(trial, 4);
    CHECK(interleaved.wavefronts > interleaved.least_wavefronts);
    CHECK(sequential.wavefronts == sequential.least_wavefronts);
    CHECK(shuffles.wavefronts < sequential.wavefronts / 8);
    CHECK(shuffles.barriers < sequential.barriers);
}

TEST_CASE("cross_entropy: rows through shared memory move no sector in vain") {
    Trial trial = trial_of("cross_entropy");
    const Totals passes = counted(trial, 1), once = counted(trial, 2), staged = counted(trial, 3);
    CHECK(once.sectors < passes.sectors);
    CHECK(staged.sectors < once.sectors / 4);
    CHECK(staged.wavefronts > staged.least_wavefronts);
}

TEST_CASE("batch_norm: a block's channels side by side") {
    Trial trial = trial_of("batch_norm");
    const auto statistics = [&](int version) { return totals({trial.count_accesses(version).at(0)}); };
    const Totals planes = statistics(1), sides = statistics(2);
    CHECK(per_request(planes.sectors, planes) > 30);
    CHECK(per_request(sides.sectors, sides) < 2.1);
    CHECK(counted(trial, 3).requests < counted(trial, 2).requests / 4);
}

TEST_CASE("matrix_product: every version asks for less, and swizzling ends the conflicts of ldmatrix") {
    Trial trial = trial_of("matrix_product");
    const Totals naive = counted(trial, 1), tiles = counted(trial, 2), patches = counted(trial, 3),
                 tensor = counted(trial, 4), swizzled = counted(trial, 5);
    CHECK(tiles.sectors < naive.sectors / 16);
    CHECK(patches.sectors < tiles.sectors);
    CHECK(patches.wavefronts < tiles.wavefronts / 2);
    CHECK(tensor.wavefronts > 4 * swizzled.wavefronts);
    CHECK(swizzled.wavefronts == swizzled.least_wavefronts);
}

TEST_CASE("matrix_product_f32: tiles spare global memory, registers the shared one") {
    Trial trial = trial_of("matrix_product_f32");
    const Totals naive = counted(trial, 1), tiles = counted(trial, 2), patches = counted(trial, 3);
    CHECK(tiles.sectors < naive.sectors / 16);
    CHECK(patches.sectors < tiles.sectors);
    CHECK(patches.wavefronts < tiles.wavefronts / 4);
}

TEST_CASE("adam: one kernel touches less than three") {
    Trial trial = trial_of("adam");
    CHECK(counted(trial, 2).bytes_touched < 0.7 * static_cast<double>(counted(trial, 1).bytes_touched));
    CHECK(counted(trial, 2).requests > 3 * counted(trial, 3).requests);
}

#endif

}  // namespace camber::laboratory
