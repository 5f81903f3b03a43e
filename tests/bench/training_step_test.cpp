// What bench_step measures: the same step whether it is recorded or not, and one that goes on where it cannot be.
#include "step/training_step.h"

#include <camber/error.h>
#include <doctest/doctest.h>
#include <omp.h>

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

TEST_CASE("bench_step: a step has the same bits with any number of threads") {
    const int threads = omp_get_max_threads();
    const std::vector<StepSize> steps = {{.batch = 3, .size = 64, .options = {{"width", 16}, {"dropout", 0.1}}},
                                         {.batch = 2, .size = 64, .net = "smp-unet-resnet34"},
                                         {.batch = 2, .size = 64, .net = "dynamic-unet-resnet34"},
                                         {.batch = 2, .size = 96, .net = "deeplabv3-resnet50"}};
    for (StepSize size : steps)
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            size.dtype = dtype;
            CAPTURE(size.net);
            const auto after_two = [&](int count) {
                omp_set_num_threads(count);
                TrainingStep step(size);
                step.run();
                step.run();
                return step.checksum();
            };
            const std::uint64_t one = after_two(1);
            for (const int count : {2, 3, 8}) CHECK(after_two(count) == one);
        }
    omp_set_num_threads(threads);
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
