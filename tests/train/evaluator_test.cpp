// Validation on a device: what a host that prepares every batch finds, without copies between the two.
#include "train/evaluator.h"

#include <camber/synth.h>

#include <doctest/doctest.h>

#include <optional>

#include "backend/profiler.h"
#include "support/devices.h"
#include "support/files.h"
#include "train/batch_source.h"
#include "train/stepper.h"

using namespace camber;
using namespace camber::testing;

namespace {

constexpr int height = 16, width = 24;

/// Frames of several sizes.
Dataset scenes(std::size_t count) {
    const std::vector<std::pair<int, int>> sizes = {{48, 64}, {40, 56}, {48, 64}, {32, 96}, {64, 64}};
    std::vector<Image> images, labels;
    for (std::size_t i = 0; i < count; ++i) {
        Scene scene = generate_scene(2, i, sizes[i % sizes.size()].first, sizes[i % sizes.size()].second);
        images.push_back(std::move(scene.image));
        labels.push_back(std::move(scene.label));
    }
    return Dataset::from_samples(std::move(images), std::move(labels), camvid11());
}

TrainConfig small(Device device, double ema = 0, Dtype dtype = Dtype::f32) {
    TrainConfig config;
    config.net_options = {{"classes", camvid11().count()}, {"width", 2}, {"depth", 2}};
    config.height = height;
    config.width = width;
    config.batch = 2;
    config.device = device;
    config.dtype = dtype;
    config.ema = ema;
    config.lr = 0.02;
    config.loss.dice = 0.5;
    return config;
}

std::unique_ptr<ResidentDataset> resident_on(Device device, const Dataset& dataset) {
    std::int64_t room = most_resident_bytes;
    return ResidentDataset::make(dataset, device, room);
}

struct Judgement {
    double loss = 0, iou_score = 0;
    std::vector<std::int64_t> confusion;
    std::vector<std::pair<double, double>> frames;
    std::vector<Image> predictions;
    bool operator==(const Judgement&) const = default;
};

Judgement judgement(Evaluator& evaluator, const std::vector<std::size_t>& frames) {
    const EvalResult result = evaluator.run();
    Judgement found{result.loss, result.iou_score, result.confusion.counts(), {}, evaluator.predictions(frames)};
    for (const FrameResult& frame : result.frames) found.frames.emplace_back(frame.pixel_accuracy, frame.mean_iou);
    return found;
}

void check_close(const Judgement& a, const Judgement& b) {
    CHECK(a.confusion == b.confusion);
    CHECK(a.frames == b.frames);
    CHECK(a.predictions == b.predictions);
    CHECK(a.loss == doctest::Approx(b.loss).epsilon(1e-6));
    CHECK(a.iou_score == doctest::Approx(b.iou_score).epsilon(1e-6));
}

struct Run {
    std::vector<Judgement> epochs;
    std::string why_not_recorded;
};

/// Three epochs of a step and a validation.
Run train(Device device, double ema, bool resident, bool recorded, Dtype dtype = Dtype::f32) {
    std::optional<ProfileScope> no_recording;
    if (!recorded) no_recording.emplace(device);
    const Dataset dataset = scenes(5);
    const auto on_device = resident_on(device, dataset);
    Model model = make_model(small(device, ema, dtype), camvid11(), true);
    Stepper stepper(model, Stepper::scheduled(model.config, 20));
    LoaderConfig loader;
    loader.batch_size = model.config.batch;
    loader.height = height;
    loader.width = width;
    BatchSource source(dataset, loader, on_device.get(), stepper.buffers(), 0, 0);
    Evaluator evaluator(model, dataset, resident ? on_device.get() : nullptr);
    Run run;
    for (int epoch = 0; epoch < 3; ++epoch) {
        stepper.micro_batch(source.next(), epoch, 0, 1);
        {
            const EmaScope averaged(stepper.optimizer());
            model.parameters->mark_changed();
            run.epochs.push_back(judgement(evaluator, {0, 3, 4}));
        }
        model.parameters->mark_changed();
    }
    run.why_not_recorded = evaluator.why_not_recorded();
    return run;
}

std::vector<Device> devices_with_memory() {
    std::vector<Device> found;
    for (const Device device : {Device::cuda, Device::emulated})
        if (has_backend(device)) found.push_back(device);
    return found;
}

}  // namespace

TEST_CASE("validation on the device counts what batches from the host give, recorded or not, averaged or not") {
    for (const Device device : devices_with_memory()) {
        std::vector<Run> runs;
        for (const double ema : {0.0, 0.9}) {
            CAPTURE(ema);
            runs.push_back(train(device, ema, true, true));
            const Run& here = runs.back();
            CHECK(here.why_not_recorded == "");
            const Run there = train(device, ema, false, true);
            for (std::size_t i = 0; i < here.epochs.size(); ++i) check_close(here.epochs[i], there.epochs[i]);
            CHECK(here.epochs[0].loss != here.epochs[2].loss);
        }
        CHECK(runs[0].epochs != runs[1].epochs);
        const Run eager = train(device, 0.9, true, false);
        CHECK(eager.why_not_recorded != "");
        CHECK(runs[1].epochs == eager.epochs);
        const Run rounded = train(device, 0.9, true, true, Dtype::bf16),
                  there = train(device, 0.9, false, true, Dtype::bf16);
        for (std::size_t i = 0; i < rounded.epochs.size(); ++i) check_close(rounded.epochs[i], there.epochs[i]);

        const Dataset dataset = scenes(5);
        std::int64_t pixels = 0, counted = 0;
        for (std::size_t i = 0; i < dataset.size(); ++i)
            for (const std::uint8_t id : dataset.label(i).data) pixels += id < camvid11().count();
        for (const std::int64_t count : runs[0].epochs[0].confusion) counted += count;
        CHECK(counted == pixels);
    }
}

TEST_CASE("nothing is copied from the host or to it for a frame or a batch: three reads at the end") {
    for (const Device device : devices_with_memory()) {
        for (const std::size_t frames : {5, 11}) {
            const Dataset dataset = scenes(frames);
            const auto resident = resident_on(device, dataset);
            Model model = make_model(small(device), camvid11(), false);
            Evaluator evaluator(model, dataset, resident.get());
            for (int epoch = 0; epoch < 3; ++epoch) {
                const MemoryStats before = device_memory(device).stats();
                evaluator.run();
                const MemoryStats after = device_memory(device).stats();
                CHECK(after.copies_from_host - before.copies_from_host == 0);
                CHECK(after.copies_to_host - before.copies_to_host == 3);
            }
        }
    }
}

TEST_CASE("a validation that is told to stop stops, and the next one is whole") {
    const Dataset dataset = scenes(11);
    for (const Device device : {Device::cpu, Device::cuda, Device::emulated}) {
        if (!has_backend(device)) continue;
        CAPTURE(std::string(name(device)));
        const auto resident = resident_on(device, dataset);
        Model model = make_model(small(device), camvid11(), false);
        Evaluator evaluator(model, dataset, resident.get());
        const Judgement whole = judgement(evaluator, {9});
        std::atomic<bool> stop = false;
        std::vector<std::size_t> done;
        evaluator.run(
            [&](std::size_t frames, std::size_t total) {
                CHECK(total == 11);
                done.push_back(frames);
                stop = true;
            },
            &stop);
        CHECK(done == std::vector<std::size_t>{is_host(device) ? std::size_t{2} : std::size_t{8}});
        CHECK(judgement(evaluator, {9}) == whole);
        std::size_t last = 0;
        evaluator.run([&](std::size_t frames, std::size_t) { last = frames; });
        CHECK(last == 11);
    }
}

TEST_CASE("frames' predictions are what predict() gives, in batches or one by one") {
    const Dataset dataset = scenes(3);
    for (const Device device : {Device::cpu, Device::cuda, Device::emulated}) {
        if (!has_backend(device)) continue;
        const auto resident = resident_on(device, dataset);
        Model model = make_model(small(device), camvid11(), false);
        Evaluator evaluator(model, dataset, resident.get());
        const std::vector<std::size_t> frames = {2, 0, 1};
        const std::vector<Image> predictions = evaluator.predictions(frames);
        CHECK(predictions == predict(model, dataset, frames));
        for (std::size_t i = 0; i < frames.size(); ++i)
            CHECK(predictions[i] == predict(model, dataset.sample(frames[i])->image));
    }
}

TEST_CASE("each frame is judged by itself, on every device, and all together are the split") {
    const Dataset dataset = scenes(5);
    for (const Device device : {Device::reference, Device::cpu, Device::cuda, Device::emulated}) {
        if (!has_backend(device)) continue;
        CAPTURE(std::string(name(device)));
        const auto resident = resident_on(device, dataset);
        Model model = make_model(small(device), camvid11(), false);
        Evaluator evaluator(model, dataset, resident.get());
        const EvalResult result = evaluator.run();
        REQUIRE(result.frames.size() == dataset.size());
        const std::vector<Image> predictions = evaluator.predictions({0, 1, 2, 3, 4});
        ConfusionMatrix all = result.confusion.like();
        for (std::size_t i = 0; i < dataset.size(); ++i) {
            ConfusionMatrix frame = all.like();
            frame.add(dataset.label(i).data, predictions[i].data);
            CHECK(result.frames[i].pixel_accuracy == frame.pixel_accuracy());
            CHECK(result.frames[i].mean_iou == frame.mean_iou());
            all.add(frame.counts());
        }
        CHECK(result.confusion.counts() == all.counts());
    }
}

TEST_CASE("label maps keep their own size where frames are resized as they are loaded") {
    const TemporaryFolder folder;
    write_synthetic_dataset(folder / "data", {.train_count = 1, .val_count = 3, .height = 64, .width = 96, .seed = 5});
    DatasetOptions options;
    options.load_height = 32;
    options.load_width = 48;
    const Dataset dataset = Dataset::open(folder / "data", "val", options);
    for (const Device device : devices_with_memory()) {
        const auto resident = resident_on(device, dataset);
        Model model = make_model(small(device), camvid11(), false);
        Evaluator here(model, dataset, resident.get()), there(model, dataset);
        const Judgement found = judgement(here, {2});
        check_close(found, judgement(there, {2}));
        CHECK(found.predictions[0].height == 64);
    }
}

TEST_CASE("Dice per image is not diluted by what fills up the last batch") {
    const Dataset dataset = scenes(3);
    for (const Device device : devices_with_memory()) {
        const auto resident = resident_on(device, dataset);
        TrainConfig config = small(device);
        config.loss.per_image = true;
        Model model = make_model(config, camvid11(), false);
        Evaluator here(model, dataset, resident.get()), there(model, dataset);
        check_close(judgement(here, {}), judgement(there, {}));
    }
}

TEST_CASE("a dataset is resident where there is room, which it takes") {
    const Dataset dataset = scenes(2);
    const auto bytes = static_cast<std::int64_t>(48 * 64 * 4 + 40 * 56 * 4);
    std::int64_t room = 2 * bytes - 1;
    CHECK(ResidentDataset::make(dataset, Device::cpu, room) == nullptr);
    for (const Device device : devices_with_memory()) {
        room = 2 * bytes - 1;
        CHECK(ResidentDataset::make(dataset, device, room) != nullptr);
        CHECK(room == bytes - 1);
        CHECK(ResidentDataset::make(dataset, device, room) == nullptr);
        CHECK(room == bytes - 1);
    }
}

TEST_CASE("work that cannot be recorded is done all the same, and it is said why") {
    for (const Device device : devices_with_memory()) {
        RecordedWork work;
        std::string why;
        int done = 0;
        for (int i = 0; i < 4; ++i) {
            work.run(
                backend(device),
                [&] {
                    backend(device).synchronize();  // refused in a recording
                    ++done;
                },
                why);
        }
        CHECK(done == 4);
        CHECK(why.find("ynchronize") != std::string::npos);
    }
}
