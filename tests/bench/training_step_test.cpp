// What bench_step measures: the same step whether it is recorded or not, and one that goes on where it cannot be.
#include "step/training_step.h"

#include <camber/error.h>
#include <doctest/doctest.h>

#include "backend/profiler.h"
#include "support/devices.h"
#include "timing.h"

using namespace camber;
using bench::StepSize;
using bench::TrainingStep;

namespace {

StepSize small(Device device) {
    return {.device = device, .dtype = Dtype::bf16, .batch = 1, .size = 16, .options = {{"width", 1}}};
}

std::vector<double> losses(TrainingStep& step, int count) {
    std::vector<double> losses;
    for (int i = 0; i < count; ++i) {
        step.run();
        losses.push_back(step.loss());
    }
    return losses;
}

}  // namespace

TEST_CASE("bench_step: every object is the same training, and its loss falls") {
    TrainingStep first(small(Device::cpu)), second(small(Device::cpu));
    CHECK(first.checksum() == second.checksum());
    const std::vector<double> values = losses(first, 6);
    CHECK(first.checksum() != second.checksum());
    CHECK(values == losses(second, 6));
    CHECK(first.checksum() == second.checksum());
    CHECK(values.back() < values.front());
}

TEST_CASE("bench_step: a recorded step gives the bits of one queued an operation at a time") {
    for (const Device device : testing::kernel_devices()) {
        CAPTURE(std::string(name(device)));
        TrainingStep recorded(small(device)), plain(small(device));
        losses(recorded, 2);
        CHECK(recorded.record() == "");
        losses(plain, 2);
        CHECK(losses(recorded, 2) == losses(plain, 2));
        CHECK(recorded.checksum() == plain.checksum());
    }
}

TEST_CASE("bench_step: where steps cannot be recorded it says why and goes on") {
    TrainingStep on_host(small(Device::cpu));
    CHECK(on_host.record() == "the device does not record steps");
    for (const Device device : testing::kernel_devices()) {
        TrainingStep step(small(device)), plain(small(device));
        losses(step, 2);
        losses(plain, 2);
        std::string why;
        try {  // within another recording, which a GPU then spoils too
            backend(device).record([&] { why = step.record(); });
        } catch (const Error&) {
        }
        CHECK(why != "");
        CHECK(losses(step, 2) == losses(plain, 2));
    }
}

TEST_CASE("quantiles are some of the times") {
    const bench::Spread one = bench::spread_of({3});
    CHECK((one.best == 3 && one.median == 3 && one.p90 == 3));
    const bench::Spread ten = bench::spread_of({10, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    CHECK((ten.best == 1 && ten.median == 5 && ten.p90 == 9));
}
