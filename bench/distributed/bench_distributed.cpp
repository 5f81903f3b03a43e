#include <camber/autograd.h>
#include <fmt/format.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "distributed/communicator.h"
#include "timing.h"
#include "train/stepper.h"

// Times training steps of one process, or under mpirun of several that share a batch, and says how much of the time
// that the sums of gradients take by themselves a step does not wait for. Rank 0 prints a JSON object.
namespace {

using namespace camber;
using namespace camber::bench;

struct Options {
    std::string net = "unet";
    int width = 32, batch = 8, size = 128, steps = 10;
};

Batch share_of(const Options& options, const distributed::Communicator& world) {
    Batch batch;
    batch.whole = options.batch;
    batch.first = batch.whole * world.rank() / world.size();
    const std::int64_t own = batch.whole * (world.rank() + 1) / world.size() - batch.first;
    batch.images = Tensor::empty({own, options.size, options.size, 3}, Dtype::f32, Device::cpu);
    batch.labels = Tensor::empty({own, options.size, options.size}, Dtype::u8, Device::cpu);
    for (std::int64_t i = 0; i < batch.images.numel(); ++i)
        batch.images.data<float>()[i] = std::sin(0.37f * static_cast<float>(i % 10007));
    for (std::int64_t i = 0; i < batch.labels.numel(); ++i)
        batch.labels.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(i / 7 % 11);
    return batch;
}

/// Seconds of the same sums, one bucket after another, with nothing else to do.
double sums_alone(distributed::Communicator& world, const Tensor& gradients) {
    const std::int64_t bucket =
        distributed::GradientReducer::bucket_bytes / static_cast<std::int64_t>(size_of(gradients.dtype()));
    std::vector<double> times;
    for (int i = 0; i < 5; ++i) {
        world.barrier();
        times.push_back(seconds_of([&] {
            for (std::int64_t begin = 0; begin < gradients.numel(); begin += bucket)
                world.start_sum(gradients.slice(begin, {std::min(bucket, gradients.numel() - begin)}))->wait();
        }));
    }
    return spread_of(times).median;
}

int run(const Options& options) {
    distributed::Communicator& world = distributed::Communicator::world();
    TrainConfig config;
    config.net = options.net;
    config.net_options = {{"classes", 11}};
    if (options.net == "unet") config.net_options["width"] = options.width;
    config.height = config.width = options.size;
    config.batch = options.batch;
    config.device = Device::cpu;
    config.dtype = Dtype::f32;
    Model model = make_model(config, camvid11(), true);
    model.net->train();
    Stepper stepper(
        model, [](std::int64_t) { return Stepper::Numbers{1e-4}; }, world);
    const Batch batch = share_of(options, world);

    constexpr int warm = 2;
    std::vector<double> times;
    distributed::GradientReducer::Times before{};
    double calls_before = 0;
    for (int i = 0; i < warm + options.steps; ++i) {
        if (i == warm && stepper.reducer()) before = stepper.reducer()->times();
        if (i == warm) calls_before = world.seconds();
        world.barrier();
        const double seconds = seconds_of([&] { stepper.micro_batch(batch, i, 0, 1); });
        if (i >= warm) times.push_back(seconds);
    }
    const Spread spread = spread_of(times);
    nlohmann::json result = {{"net", options.net},
                             {"batch", options.batch},
                             {"size", options.size},
                             {"processes", world.size()},
                             {"threads", omp_get_max_threads()},
                             {"parameters", model.parameters->parameter_count()},
                             {"median_seconds", spread.median},
                             {"seconds", spread.best},
                             {"images_per_second", options.batch / spread.median}};
    if (const distributed::GradientReducer* const reducer = stepper.reducer()) {
        const double steps = options.steps, alone = sums_alone(world, model.parameters->gradients());
        const double waited = (reducer->times().waited - before.waited) / steps,
                     within = (reducer->times().within - before.within) / steps;
        result["gradients"] = {{"bytes", model.parameters->gradients().bytes()},
                               {"buckets", reducer->buckets()},
                               {"alone_seconds", alone},
                               {"waited_seconds", waited},
                               {"within_backward_seconds", within},
                               {"hidden", std::clamp(1 - (waited + within) / alone, 0.0, 1.0)}};
        result["other_calls_seconds"] = (world.seconds() - calls_before) / steps;
    }
    if (world.first()) fmt::print("{}\n", result.dump(2));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Times training steps of one process, or under mpirun of several that share a batch."};
    app.footer("Example:\n  OMP_NUM_THREADS=1 mpirun -n 2 build/bench_distributed");
    app.add_option("--net", options.net, "Network [unet]");
    app.add_option("--width", options.width, "Of the plain U-Net [32]");
    app.add_option("--batch", options.batch, "Images of all processes [8]");
    app.add_option("--size", options.size, "Height and width [128]");
    app.add_option("--steps", options.steps, "To time [10]");
    CLI11_PARSE(app, argc, argv);
    try {
        return run(options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_distributed: {}\n", error.what());
        distributed::end_job(1);
        return 1;
    }
}
