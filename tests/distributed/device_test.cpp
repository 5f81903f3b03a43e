// The same on the emulated device, by the stand-in for NCCL; alone, by NCCL itself where there is a GPU.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "backend/backend.h"
#include "distributed/support.h"
#include "support/errors.h"
#include "train/evaluator.h"
#include "train/resident_dataset.h"

using namespace camber;
using namespace camber::testing;

namespace {

std::vector<Device> devices() {
    std::vector<Device> found;
    if (has_backend(Device::emulated)) found.push_back(Device::emulated);
    if (world().alone() && has_backend(Device::cuda)) found.push_back(Device::cuda);
    return found;
}

Meeting meeting() {
    return {.rank = world().rank(),
            .size = world().size(),
            .broadcast = [](std::span<std::byte> bytes) { world().broadcast(bytes); },
            .gather = [](const std::string& text) { return world().gather(text); },
            .waiting = [](double) {}};
}

double sum_of_ranks() { return world().size() * (world().size() + 1) / 2.0; }

/// As small as shows everything: the emulated device is slow.
TrainConfig small_run_on(Device device, int batch) {
    TrainConfig config = small_run(batch);
    config.net_options["width"] = 3;
    config.net_options["depth"] = 1;
    config.height = 6;
    config.width = 10;
    config.device = device;
    return config;
}

}  // namespace

TEST_SUITE_BEGIN("devices");

TEST_CASE("sums of device memory, each kind, at once and beside other work") {
    for (const Device device : devices()) {
        const auto sums = backend(device).join(meeting());
        for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::i32}) {
            const Tensor values = Tensor::empty({50'000}, dtype, device),
                         result = Tensor::zeros({50'000}, dtype, device);
            backend(device).fill(values, world().rank() + 1);
            sums->sum(values, result);
            CHECK(values.slice(49'999, {1}).item() == world().rank() + 1);
            CHECK(result.slice(49'999, {1}).item() == sum_of_ranks());
            sums->start_sum(result, result, false);
            sums->join();
            CHECK(result.slice(1, {1}).item() == sum_of_ranks() * world().size());
        }
    }
}

TEST_CASE("sums are part of what is recorded, and those beside come when they are waited for") {
    for (const Device device : devices()) {
        const auto sums = backend(device).join(meeting());
        const Tensor first = Tensor::zeros({3}, Dtype::f32, device), second = Tensor::zeros({5}, Dtype::f32, device),
                     ones = Tensor::empty({5}, Dtype::f32, device);
        backend(device).fill(ones, 1);
        const auto work = [&] {
            backend(device).fill(second, world().rank() + 1);
            sums->start_sum(second, second, true);
            backend(device).fill(first, world().rank() + 1);
            sums->sum(first, first);
            sums->join();
            backend(device).add(second, ones, second);
        };
        work();
        auto recording = backend(device).record(work);
        REQUIRE(recording);
        for (int i = 0; i < 3; ++i) {
            backend(device).fill(first, 0);
            backend(device).fill(second, 0);
            recording->replay();
            CHECK(first.slice(2, {1}).item() == sum_of_ranks());
            CHECK(second.slice(4, {1}).item() == sum_of_ranks() + 1);
        }
        recording.reset();
        // The end of a recording waits for every sum.
        CHECK_FALSE(error_of([&] { backend(device).record([&] { sums->start_sum(first, first, false); }); }).empty());
    }
}

TEST_CASE("ranks that do not sum the same are named") {
    if (world().alone() || !has_backend(Device::emulated)) return;
    Backend& device = backend(Device::emulated);
    const Tensor singles = Tensor::zeros({6}, Dtype::f32, Device::emulated),
                 doubles = Tensor::zeros({6}, Dtype::f64, Device::emulated);
    const bool last = world().rank() == world().size() - 1;
    const std::string rank = fmt::format("rank {}", world().size() - 1);
    const auto refused = [&](const std::string& expected, const Tensor& values) {
        const auto sums = device.join(meeting());
        CHECK(error_of([&] { sums->sum(values, values); }) == "the ranks do not sum the same: rank 0 " + expected);
        world().barrier();
    };
    device.fill(singles, 1);
    refused(fmt::format("6 f32 after 'fill', {} 5 f32 after 'fill'", rank), last ? singles.slice(0, {5}) : singles);
    device.fill(singles, 1);
    refused(fmt::format("6 f32 after 'fill', {} 6 f64 after 'fill'", rank), last ? doubles : singles);
    if (last)
        device.scale(singles, 2, singles);
    else
        device.fill(singles, 1);
    refused(fmt::format("6 f32 after 'fill', {} 6 f32 after 'scale'", rank), singles);
}

TEST_CASE("losses on a device are one process's, and the same bits each time") {
    const Dataset data = uneven_scenes(9, 32, 40);  // batches of 5 and 4
    for (const Device device : devices()) {
        for (const LossCase& loss : loss_cases()) {
            CAPTURE(loss.terms);
            CAPTURE(loss.per_image);
            TrainConfig config = small_run_on(device, 5);
            loss.set(config);
            const bool whole = loss.terms == std::string("cross_entropy") && !loss.weights;
            const int steps = whole ? 20 : 3;
            const Steps alone = train(config, data, steps, nullptr), shared = train(config, data, steps, &world());
            CHECK(largest_difference(alone.losses, shared.losses) < 1e-5);
            CHECK(*std::max_element(alone.losses.begin(), alone.losses.end()) > 1e-3);
            const auto total = [](const Steps& of) {
                return std::accumulate(of.confusion.begin(), of.confusion.end(), std::int64_t{0});
            };
            CHECK(total(alone) == total(shared));
            CHECK(total(alone) > 0);
            if (!whole) continue;
            const Steps again = train(config, data, steps, &world());
            CHECK(again.losses == shared.losses);
            CHECK(again.weights == shared.weights);
            config.device = Device::cpu;
            const Steps on_cpu = train(config, data, steps, &world());
            CHECK(largest_difference(on_cpu.losses, shared.losses) < 1e-3);
        }
    }
}

TEST_CASE("accumulated steps and local statistics on a device") {
    const Dataset data = uneven_scenes(9, 32, 40);
    for (const Device device : devices()) {
        TrainConfig config = small_run_on(device, 5);  // and batches of 4
        config.accumulate = 2;
        config.augment.enabled = true;
        const Steps alone = train(config, data, 4, nullptr), shared = train(config, data, 4, &world());
        CHECK(largest_difference(alone.losses, shared.losses) < 1e-5);
        config.local_batch_norm = true;
        const Steps local = train(config, data, 4, &world());
        for (const Steps* steps : {&shared, &local}) CHECK(same_everywhere(steps->weights));
        if (!world().alone()) CHECK(local.losses != shared.losses);
    }
}

TEST_CASE("validation of resident frames is one process's, bit for bit") {
    for (const Device device : devices()) {
        for (const std::size_t frames : {7, 3}) {
            const Dataset data = uneven_scenes(frames, 32, 40);
            Model model = make_model(small_run_on(device, 2), camvid11(), true);
            std::int64_t room = most_resident_bytes;
            const auto resident = ResidentDataset::make(data, device, room);
            REQUIRE(resident);
            Evaluator alone(model, data, resident.get()), shared(model, data, resident.get(), &world());
            for (int round = 0; round < 2; ++round) {
                const EvalResult one = alone.run(), all = shared.run();
                CHECK(one.loss == all.loss);
                CHECK(one.iou_score == all.iou_score);
                CHECK(one.confusion.counts() == all.confusion.counts());
                REQUIRE(one.frames.size() == all.frames.size());
                for (std::size_t i = 0; i < one.frames.size(); ++i)
                    CHECK((one.frames[i].pixel_accuracy == all.frames[i].pixel_accuracy ||
                           std::isnan(one.frames[i].pixel_accuracy)));
            }
        }
    }
}

TEST_SUITE_END();
