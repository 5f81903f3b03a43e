// What a run on Device::meta says of memory beside what training takes.
#include <camber/memory_plan.h>
#include <camber/synth.h>
#include <camber/train.h>
#include <doctest/doctest.h>

#include <limits>

#include "core/memory_limit.h"
#include "support/errors.h"
#include "support/files.h"
#include "train/batch_size.h"
#include "train/pretrained.h"
#include "train/stepper.h"

using namespace camber;

namespace {

TrainConfig small(const std::string& net, Dtype dtype) {
    TrainConfig config;
    config.net = net;
    config.net_options = {{"classes", camvid11().count()}};
    config.height = config.width = 64;
    config.batch = 2;
    config.device = Device::cpu;
    config.dtype = dtype;
    return config;
}

void two_steps(const TrainConfig& config) {
    Model model = make_model(config, camvid11(), true);
    Stepper stepper(model, [](std::int64_t) { return Stepper::Numbers{1e-4, 0}; });
    const Shape shape = {config.batch, config.height, config.width, 3};
    const Batch batch = {Tensor::zeros(shape, Dtype::f32, Device::cpu),
                         Tensor::zeros({shape[0], shape[1], shape[2]}, Dtype::u8, Device::cpu),
                         {},
                         {},
                         0,
                         0};
    for (int i = 0; i < 2; ++i) stepper.micro_batch(batch, i, 0, 1);
}

/// The most that two steps have in tensors at a time.
std::int64_t measured(const TrainConfig& config) {
    DeviceMemory& memory = device_memory(*config.device);
    memory.reset_peak();
    const std::size_t before = memory.stats().current;
    two_steps(config);
    return static_cast<std::int64_t>(memory.stats().peak - before);
}

/// Networks that segment, by name.
std::vector<std::string> networks() {
    std::vector<std::string> names;
    for (const nets::NetInfo& info : nets::net_list()) {
        const auto net = nets::make_net(info.name, nlohmann::json::object());
        if (testing::error_of([&] { refuse_classifier(*net); }).empty()) names.push_back(info.name);
    }
    REQUIRE(names.size() >= 6);
    return names;
}

}  // namespace

// AddressSanitizer's tensors are not counted.
#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("the planned peak of a training step is the measured one, for every network") {
    for (const std::string& net : networks()) {
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            CAPTURE(net);
            CAPTURE(name(dtype));
            const TrainConfig config = small(net, dtype);
            const auto planned = static_cast<double>(plan_memory(config, camvid11()).training);
            CHECK(planned / static_cast<double>(measured(config)) == doctest::Approx(1).epsilon(0.02));
        }
    }
}

TEST_CASE("--batch auto under a limit runs, and a tenth more does not, for every network") {
    const testing::TemporaryFolder folder;
    write_synthetic_dataset(folder / "data", {.train_count = 96, .val_count = 48, .height = 64, .width = 64});
    DeviceMemory& memory = device_memory(Device::cpu);
    const auto tried = [&](const std::string& name, TrainConfig config) {
        CAPTURE(name);
        config.data = (folder / "data").string();
        config.epochs = 1;
        config.epoch_batches = 3;
        config.pictures = 0;
        config.batch = 28;
        memory.trim();
        // The allocator's own, not --memory, which refuses a batch by its plan.
        const LimitScope limit(memory, static_cast<std::int64_t>(memory.stats().reserved) +
                                           plan_memory(config, camvid11()).run + 3'000'000);
        const auto run = [&](int batch, const std::string& what) {
            config.batch = batch;
            TrainObserver silent;
            train(config, folder / (name + what), silent, {});
        };
        run(0, "auto");
        const int chosen = nlohmann::json::parse(testing::read_text(folder / (name + "auto") / "config.json"))["batch"];
        CAPTURE(chosen);
        CHECK(chosen >= 20);
        CHECK(chosen < 48);
        CHECK(testing::mentions(testing::error_of([&] { run(chosen + chosen / 10 + 1, "more"); }),
                                {"out of memory", " that --memory allows; --batch "}));
    };
    for (const std::string& net : networks()) {
        TrainConfig config = small(net, Dtype::f32);
        config.net_options["width"] = 32;  // activations, not weights, are what takes the memory
        tried(net, config);
    }
    // Whose batches of validation are twelve times as large, as is what it computes.
    TrainConfig config = small("unet", Dtype::f32);
    config.net_options["width"] = 8;
    config.val_height = 192;
    config.val_width = 256;
    tried("validated at 192x256", config);
}

TEST_CASE("what --memory cannot hold is refused before anything is trained, in each stage") {
    const testing::TemporaryFolder folder;
    write_synthetic_dataset(folder / "data", {.train_count = 4, .val_count = 2, .height = 64, .width = 64});
    TrainConfig config = small("unet", Dtype::f32);
    config.net_options["width"] = 8;
    config.data = (folder / "data").string();
    config.stages = nlohmann::json::parse(R"([{"epochs": 1}, {"epochs": 1, "height": 192, "width": 256}])");
    config.memory = static_cast<int>(plan_memory(config, camvid11()).run / 1'000'000 + 2);
    TrainObserver silent;
    const std::string error = testing::error_of([&] { train(config, folder / "run", silent, {}); });
    CHECK(testing::mentions(error, {"stage 2 of 2: ", "a batch of 2 of 192x256", " that --memory allows"}));
    CHECK(!std::filesystem::exists(folder / "run"));
    config.device = Device::cpu;
    const std::string resumed = batch_advice(config, {camvid11(), 0, 4}, true);
    CHECK(testing::mentions(resumed, {"a batch of 2 of 64x64", ": give --memory "}));
}
#endif

TEST_CASE("a plan grows with the batch, and leaves nothing in memory") {
    const std::size_t before = device_memory(Device::meta).stats().current;
    TrainConfig config = small("unet", Dtype::f32);
    const MemoryPlan two = plan_memory(config, camvid11());
    config.batch = 4;
    const MemoryPlan four = plan_memory(config, camvid11());
    CHECK(four.weights == two.weights);
    CHECK(four.training > two.training);
    CHECK(four.inference > two.inference);
    CHECK(two.training > two.inference);
    CHECK(two.held >= two.training);
    config.device = Device::cuda;  // which this machine need not have
    config.dtype = Dtype::bf16;
    CHECK(plan_memory(config, camvid11()).weights > two.weights * 5 / 4);  // the copy that its kernels read
    CHECK(device_memory(Device::meta).stats().current == before);
}

TEST_CASE("--batch auto takes no smaller batch than training does") {
    TrainConfig config = small("deeplabv3-resnet50", Dtype::f32);
    config.net_options["width"] = 8;
    config.batch = 0;
    const auto ignore = [](const std::string&) {};
    CHECK(testing::mentions(testing::error_of([&] {
                                choose_batches(config, {camvid11(), std::int64_t{1} << 50, 5}, ignore);
                            }),
                            {"--batch auto: a batch of 2 of 64x64"}));
    DeviceMemory& memory = device_memory(Device::cpu);
    memory.trim();
    config.batch = 2;
    const LimitScope limit(
        memory, static_cast<std::int64_t>(memory.stats().reserved) + plan_memory(config, camvid11()).run + 100'000);
    config.batch = 0;
    choose_batches(config, {camvid11(), 0, 5}, ignore);
    CHECK(config.batch == 2);
}

TEST_CASE("--batch auto: a number for the run and for each stage that asks for one of its own") {
    TrainConfig config = small("unet", Dtype::f32);
    config.net_options["width"] = 4;
    config.batch = 0;
    config.stages = nlohmann::json::parse(
        R"([{"width": 32, "height": 32}, {"batch": "auto", "width": 128, "height": 128}, {"batch": 3}])");
    std::vector<std::string> said;
    choose_batches(config, {camvid11(), 0, 5}, [&](const std::string& line) { said.push_back(line); });
    // There is room for all five frames that there are.
    CHECK(config.batch == 5);
    CHECK(config.stages[0]["batch"] == 5);
    CHECK(config.stages[1]["batch"] == 5);
    CHECK(config.stages[2]["batch"] == 3);
    REQUIRE(said.size() == 2);
    CHECK(said[0].starts_with("--batch auto: 5 of 32x32, planned to take "));
    CHECK(said[1].starts_with("--batch auto: 5 of 128x128, planned to take "));

    config = small("unet", Dtype::f32);
    config.batch = 0;
    const auto ignore = [](const std::string&) {};
    const std::int64_t much = std::int64_t{1} << 50;
    CHECK(testing::mentions(testing::error_of([&] {
                                choose_batches(config, {camvid11(), much, 5}, ignore);
                            }),
                            {"--batch auto: a batch of 1 of 64x64 is planned to take 11259", "give a smaller size"}));
}
