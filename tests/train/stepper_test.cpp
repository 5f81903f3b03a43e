// A recorded and replayed step does what the same operations do one at a time.
#include "train/stepper.h"

#include <camber/synth.h>

#include <doctest/doctest.h>

#include <optional>

#include "backend/profiler.h"
#include "support/devices.h"
#include "train/batch_source.h"

using namespace camber;

namespace {

constexpr int height = 16, width = 24;

const Dataset& scenes() {
    static const Dataset dataset = [] {
        std::vector<Image> images, labels;
        for (std::uint64_t i = 0; i < 5; ++i) {
            Scene scene = generate_scene(2, i, 48, 64);
            images.push_back(std::move(scene.image));
            labels.push_back(std::move(scene.label));
        }
        return Dataset::from_samples(std::move(images), std::move(labels), camvid11());
    }();
    return dataset;
}

TrainConfig small(Device device, int accumulate, Dtype dtype = Dtype::f32) {
    TrainConfig config;
    config.net_options = {{"classes", camvid11().count()}, {"width", 2}, {"depth", 2}, {"dropout", 0.2}};
    config.height = height;
    config.width = width;
    config.batch = 2;
    config.accumulate = accumulate;
    config.device = device;
    config.dtype = dtype;
    config.ema = 0.9;
    config.loss.dice = 0.5;
    return config;
}

LoaderConfig small_loader(const TrainConfig& config) {
    LoaderConfig loader;
    loader.batch_size = config.batch;
    loader.height = height;
    loader.width = width;
    loader.shuffle = true;
    return loader;
}

struct Outcome {
    std::vector<float> parameters;
    double loss = 0;
    std::vector<std::int64_t> confusion;
    std::string why_not_recorded;
    std::uint64_t allocations_after_warm_up = 0;
};

/// Micro-batches of two epochs; `drop_last` leaves out the batch that is not full, and those of a dataset that is not
/// `resident` come from the host.
Outcome run(Device device, int accumulate, bool drop_last, bool recorded, bool resident = true,
            Dtype dtype = Dtype::f32) {
    std::optional<ProfileScope> no_recording;
    if (!recorded) no_recording.emplace(device);
    const TrainConfig config = small(device, accumulate, dtype);
    Model model = make_model(config, camvid11(), true);
    Stepper stepper(model, Stepper::scheduled(model.config, 20));
    LoaderConfig loader = small_loader(config);
    loader.drop_last = drop_last;
    std::int64_t room = most_resident_bytes;
    const auto on_device = ResidentDataset::make(scenes(), device, room);
    BatchSource source(scenes(), loader, resident ? on_device.get() : nullptr, stepper.buffers(), 0, 0);
    Outcome outcome;
    constexpr int micro_batches = 12, warm = 6;
    for (int i = 0; i < micro_batches; ++i) {
        if (i == warm) outcome.allocations_after_warm_up = device_memory(device).stats().allocations;
        stepper.micro_batch(source.next(), i, i % accumulate, accumulate);
    }
    outcome.allocations_after_warm_up = device_memory(device).stats().allocations - outcome.allocations_after_warm_up;
    stepper.pull();
    outcome.parameters = model.parameters->values().to_vector<float>();
    outcome.loss = stepper.sums().loss;
    outcome.confusion = stepper.sums().confusion.counts();
    outcome.why_not_recorded = stepper.why_not_recorded();
    CHECK(stepper.steps() == micro_batches / accumulate);
    CHECK(stepper.sums().batches == micro_batches);
    return outcome;
}

}  // namespace

TEST_CASE("recorded steps give the bits of steps queued one operation at a time") {
    for (const Device device : testing::kernel_devices()) {
        for (const int accumulate : {1, 2}) {
            CAPTURE(std::string(name(device)));
            CAPTURE(accumulate);
            const Outcome recorded = run(device, accumulate, true, true), eager = run(device, accumulate, true, false);
            CHECK(recorded.why_not_recorded == "");
            CHECK(eager.why_not_recorded != "");
            CHECK(recorded.parameters == eager.parameters);
            CHECK(recorded.loss == eager.loss);
            CHECK(recorded.confusion == eager.confusion);
            CHECK(recorded.allocations_after_warm_up == 0);
        }
    }
}

TEST_CASE("a batch that is not full is computed beside the recorded ones") {
    for (const Device device : testing::kernel_devices()) {
        const Outcome recorded = run(device, 1, false, true), eager = run(device, 1, false, false);
        CHECK(recorded.parameters == eager.parameters);
        CHECK(recorded.confusion == eager.confusion);
    }
}

TEST_CASE("batches from the host give the bits of those that are cut on the device") {
    for (const Device device : testing::kernel_devices()) {
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            if (!backend(device).why_not_in(dtype).empty()) continue;
            const Outcome here = run(device, 1, false, true, true, dtype),
                          there = run(device, 1, false, true, false, dtype);
            CHECK(there.why_not_recorded == "");
            CHECK(here.parameters == there.parameters);
            CHECK(here.loss == there.loss);
        }
    }
}

TEST_CASE("a batch that is cut on the device is not copied") {
    for (const Device device : testing::kernel_devices()) {
        Model model = make_model(small(device, 1), camvid11(), true);
        Stepper stepper(model, Stepper::scheduled(model.config, 20));
        std::int64_t room = most_resident_bytes;
        const auto resident = ResidentDataset::make(scenes(), device, room);
        BatchSource source(scenes(), small_loader(model.config), resident.get(), stepper.buffers(), 0, 0);
        const ProfileScope scope(device);
        const Batch& batch = source.next();
        CHECK(batch.images.raw() == stepper.buffers().images.raw());
        CHECK(batch.labels.raw() == stepper.buffers().labels.raw());
        stepper.micro_batch(batch, 0, 0, 1);
        CHECK(scope.profile().count("augment") == 1);
        CHECK(scope.profile().count("cast") == 0);
    }
}

TEST_CASE("a GPU's steps are the CPU's: sums of two epochs") {
    const Outcome expected = run(Device::cpu, 1, true, true);
    for (const Device device : testing::kernel_devices()) {
        const Outcome outcome = run(device, 1, true, true);
        CHECK(outcome.loss == doctest::Approx(expected.loss).epsilon(1e-4));
    }
}

TEST_CASE("sums go into a checkpoint and back") {
    for (const Device device : {Device::cpu, Device::emulated}) {
        if (!has_backend(device)) continue;
        Model model = make_model(small(device, 1), camvid11(), true);
        Stepper stepper(model, Stepper::scheduled(model.config, 20));
        EpochSums sums(camvid11().count());
        sums.loss = 12.5;
        sums.batches = 7;
        std::vector<std::int64_t> counts(121);
        for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = static_cast<std::int64_t>(i);
        sums.confusion.add(counts);
        stepper.restore(EpochSums::from_json(sums.json(), camvid11().count()));
        stepper.pull();
        CHECK(stepper.sums().json() == sums.json());
    }
}
