#include <camber/autograd.h>
#include <camber/data.h>
#include <camber/nets.h>
#include <camber/ops.h>
#include <camber/optim.h>
#include <fmt/format.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fstream>

#include "backend/backend.h"
#include "backend/profiler.h"

/// Times a training step of the 31 M U-Net (2x2 transposed convolutions, batch normalisation, no dropout, 11 classes,
/// Adam) on random input, as bench/peers/unet_torch.py does with PyTorch, and prints one JSON object.
namespace {

using namespace camber;

double peak_rss_mib() {
    std::ifstream status("/proc/self/status");
    std::string key;
    while (status >> key) {
        if (key == "VmHWM:") {
            double kib = 0;
            status >> kib;
            return kib / 1024;
        }
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Times a training step of the 31 M U-Net"};
    std::string dtype = "f32", device_name = "cpu";
    int batch = 4, size = 256, width = 64, steps = 4;
    app.add_option("--dtype", dtype);
    app.add_option("--device", device_name);
    app.add_option("--batch", batch);
    app.add_option("--size", size);
    app.add_option("--width", width);
    app.add_option("--steps", steps);
    CLI11_PARSE(app, argc, argv);

    const Device device = parse_device(device_name);
    const auto net = nets::make_net("unet", {{"classes", 11}, {"width", width}, {"dropout", 0.0}});
    nn::ParameterBuffer parameters(*net, {.device = device});
    std::vector<ParameterRange> ranges;
    for (const auto& entry : parameters.parameters())
        ranges.push_back({entry.name, entry.begin, entry.tensor().shape(), 0});
    Optimizer optimizer(parameters.values(), parameters.gradients(), ranges, {ParameterGroup{}}, {.rule = Adam{}});

    Philox random({1, Stream::synthesis, 0});
    std::vector<float> pixels(static_cast<std::size_t>(batch) * size * size * 3);
    std::vector<std::uint8_t> ids(static_cast<std::size_t>(batch) * size * size);
    for (float& pixel : pixels) pixel = random.uniform();
    for (std::uint8_t& id : ids) id = static_cast<std::uint8_t>(random.below(11));
    const Tensor images = Tensor::from(pixels, {batch, size, size, 3}, device);
    const Tensor labels = Tensor::from(ids, {batch, size, size}, device);

    const auto work = [&] {
        parameters.zero_grad();
        const Tensor logits = net->forward(ops::cast(images, parse_dtype(dtype)));
        backward(ops::segmentation_loss(logits, labels, {.cross_entropy = 1}).loss);
        parameters.complete_gradients();
        optimizer.launch_step();
    };
    std::unique_ptr<Recording> recording;
    const auto step = [&] {
        const auto start = std::chrono::steady_clock::now();
        optimizer.prepare_step(1e-3);
        if (recording) {
            recording->replay();
        } else {
            work();
        }
        backend(device).synchronize();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    step();
    step();
    if (!is_host(device)) {
        device_memory(device).trim();
        device_memory(device).reset_peak();
        recording = backend(device).record(work);
        step();
    }
    const std::uint64_t allocations = device_memory(device).stats().allocations;
    double best = step();
    for (int i = 1; i < steps; ++i) best = std::min(best, step());
    const std::uint64_t allocated = device_memory(device).stats().allocations - allocations;
    const double peak = static_cast<double>(device_memory(device).stats().peak) / (1 << 20);
    const bool recorded = recording != nullptr;
    recording.reset();

    // The convolutions' own time comes from steps of their own, so that timing every primitive costs the figure above
    // nothing.
    double convolutions = 0, total = 0;
    nlohmann::json primitives = nlohmann::json::object();
    {
        ProfileScope scope(device);
        total = 1e30;
        for (int i = 0; i < steps; ++i) {
            scope.reset();
            const double seconds = step();
            if (seconds >= total) continue;
            total = seconds;
            convolutions = 0;
            primitives.clear();
            for (const auto& [name, time] : scope.profile()) {
                if (name.starts_with("conv")) convolutions += time.seconds;
                primitives[name] = {{"milliseconds", 1e3 * time.seconds}, {"calls", time.calls}};
            }
        }
    }
    const nlohmann::json result = {{"system", "camber"},
                                   {"dtype", dtype},
                                   {"seconds", best},
                                   {"images_per_second", batch / best},
                                   {"profiled_seconds", total},
                                   {"convolution_seconds", convolutions},
                                   {"over_convolutions", total / convolutions},
                                   {"peak_rss_mib", peak_rss_mib()},
                                   {"peak_tensors_mib", peak},
                                   {"device", device_name},
                                   {"batch", batch},
                                   {"size", size},
                                   {"width", width},
                                   {"recorded", recorded},
                                   {"allocations_after_warm_up", allocated},
                                   {"threads", omp_get_max_threads()},
                                   {"primitives", primitives}};
    fmt::print("{}\n", result.dump());
}
