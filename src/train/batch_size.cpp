#include "train/batch_size.h"

#include <camber/loader.h>
#include <camber/memory_plan.h>

#include <algorithm>

#include "train/resident_dataset.h"

namespace camber {
namespace {

constexpr std::int64_t mib = std::int64_t{1} << 20;

/// Bytes that libraries take beside tensors and what they compile: stacks, decoders and heaps; or cuDNN's workspace
/// (PlanLimits::workspace) twice, as two plans are compared, and its code.
constexpr std::int64_t beside_on_host = 128 * mib, beside_on_gpu = 768 * mib;

/// Bytes that a run with this batch needs on its device.
std::int64_t needed(const TrainConfig& config, const ClassTable& classes, std::int64_t data_bytes) {
    const MemoryPlan plan = plan_memory(config, classes);
    const std::int64_t bytes = plan.held + plan.code;
    if (is_host(*config.device)) {
        // The loader's batches. Checkpoints are copied where there is room (Saver).
        const std::int64_t pixels = std::int64_t{config.batch} * config.height * config.width;
        const std::int64_t batches = LoaderConfig().prefetch + 2;
        return bytes + batches * pixels * (4 * 4 + 1) + beside_on_host + data_bytes;
    }
    // Validation is a recording with memory of its own; the best weights are kept once.
    return bytes + plan.inference + beside_on_gpu + (data_bytes <= most_resident_bytes ? data_bytes : 0);
}

/// The largest batch up to `most` that `room` holds; 0: none.
int largest_batch(TrainConfig config, const ClassTable& classes, std::int64_t data_bytes, std::int64_t room, int most) {
    const auto fits = [&](int batch) {
        config.batch = batch;
        return needed(config, classes, data_bytes) <= room;
    };
    if (most < 1 || !fits(1)) return 0;
    int good = 1, bad = most + 1;
    while (good * 2 < bad && fits(good * 2)) good *= 2;
    bad = std::min(bad, good * 2);
    while (bad - good > 1) {
        const int middle = good + (bad - good) / 2;
        (fits(middle) ? good : bad) = middle;
    }
    return good;
}

}  // namespace

void choose_batches(TrainConfig& config, const ClassTable& classes, std::int64_t data_bytes, int most,
                    const std::function<void(const std::string&)>& say) {
    resolve_device(config);
    int least = 0;  // of the stages that go by the run's
    for (std::size_t i = 0; i < stage_count(config); ++i) {
        TrainConfig stage = stage_config(config, i);
        if (stage.batch > 0) continue;
        stage.device = config.device;
        stage.dtype = config.dtype;
        stage.batch = 1;
        // A first plan leaves some of its own in memory, oneDNN's descriptions above all.
        const std::int64_t one = needed(stage, classes, data_bytes);
        const std::int64_t room = device_memory(*config.device).available();
        const int batch = largest_batch(stage, classes, data_bytes, room, most);
        if (batch == 0)
            fail(
                "--batch auto: a batch of one frame of {}x{} needs {}, and {} are available on {}; give a smaller size",
                stage.height, stage.width, bytes_text(one), bytes_text(room), name(*config.device));
        stage.batch = batch;
        const std::int64_t bytes = needed(stage, classes, data_bytes);
        say(fmt::format("--batch auto: {} of {}x{}, planned to take {} of {} that are available", batch, stage.height,
                        stage.width, bytes_text(bytes), bytes_text(room)));
        if (config.stages.empty() || !config.stages[i].contains("batch")) {
            least = least > 0 ? std::min(least, batch) : batch;
        } else {
            config.stages[i]["batch"] = batch;
        }
    }
    if (least > 0) config.batch = least;
}

std::string batch_advice(const TrainConfig& config, const ClassTable& classes, std::int64_t data_bytes) {
    DeviceMemory& memory = device_memory(*config.device);
    memory.trim();
    const std::int64_t room = memory.available() + static_cast<std::int64_t>(memory.stats().current);
    const int fits = largest_batch(config, classes, data_bytes, room, config.batch - 1);
    const std::string planned =
        fmt::format("a batch of {} of {}x{} is planned to take {} of {}", config.batch, config.height, config.width,
                    bytes_text(needed(config, classes, data_bytes)), bytes_text(room));
    if (fits == 0) return planned + ", and no smaller one fits: give a smaller --size";
    return fmt::format("{}; --batch {} would fit, as --batch auto chooses", planned, fits);
}

}  // namespace camber
