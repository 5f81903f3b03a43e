#include "train/batch_size.h"

#include <camber/memory_plan.h>

#include <algorithm>

#include "train/resident_dataset.h"

namespace camber {
namespace {

constexpr std::int64_t mib = std::int64_t{1} << 20;

/// Bytes that libraries take beside tensors and what they compile: stacks, decoders and heaps; or cuDNN's workspace
/// (PlanLimits::workspace) twice, as two plans are compared, and its code.
constexpr std::int64_t beside_on_host = 128 * mib, beside_on_gpu = 768 * mib;

/// Bytes.
struct Needed {
    std::int64_t tensors = 0;  ///< that an allocator has to hold at least
    std::int64_t total = 0;    ///< that it will hold where nothing keeps it from it, and what is beside tensors
};

/// What a run has to fit in: what the device has, and what its tensors are allowed.
struct Room {
    std::int64_t available = 0, allowed = 0;

    bool holds(const Needed& needed) const { return needed.total <= available && needed.tensors <= allowed; }
    /// "1.20 GB of 3.40 GB that --memory allows", or, where that is tighter, of the device's with what libraries take.
    std::string text(const Needed& needed) const {
        if (allowed - needed.tensors < available - needed.total)
            return fmt::format("{} of {} that --memory allows", bytes_text(needed.tensors), bytes_text(allowed));
        return fmt::format("{} with libraries of {} that are available", bytes_text(needed.total),
                           bytes_text(available));
    }
};

/// What a run with this batch needs on its device.
Needed needed(const TrainConfig& config, const PlannedData& data) {
    const MemoryPlan plan = plan_memory(config, data.classes);
    // On the host the gaps' pages are given back where others want them; checkpoints are copied where there is room
    // (Saver).
    if (is_host(*config.device)) return {plan.run, plan.held + plan.code + beside_on_host + data.bytes};
    // Validation is a recording with memory of its own; the best weights are kept once.
    const std::int64_t tensors = plan.held + plan.inference + (data.bytes <= most_resident_bytes ? data.bytes : 0);
    return {tensors, tensors + plan.code + beside_on_gpu};
}

/// Of a device whose cached memory was given back.
Room room_on(Device device) {
    DeviceMemory& memory = device_memory(device);
    memory.trim();
    return {memory.available(), memory.limit() - static_cast<std::int64_t>(memory.stats().reserved)};
}

int least_batch(const TrainConfig& config) { return nets::make_net(config.net, config.net_options)->least_batch(); }

/// The largest batch up to `most` that `room` holds; 0: none.
int largest_batch(TrainConfig config, const PlannedData& data, const Room& room, int most) {
    const auto fit = [&](int batch) {
        config.batch = batch;
        return room.holds(needed(config, data));
    };
    int good = least_batch(config), bad = most + 1;
    if (most < good || !fit(good)) return 0;
    while (good * 2 < bad && fit(good * 2)) good *= 2;
    bad = std::min(bad, good * 2);
    while (bad - good > 1) {
        const int middle = good + (bad - good) / 2;
        (fit(middle) ? good : bad) = middle;
    }
    return good;
}

/// Stage `i` on the run's device.
TrainConfig planned_stage(const TrainConfig& config, std::size_t i) {
    TrainConfig stage = stage_config(config, i);
    stage.device = config.device;
    stage.dtype = config.dtype;
    return stage;
}

}  // namespace

std::unique_ptr<LimitScope> memory_allowance(const TrainConfig& config) {
    if (config.memory == 0) return nullptr;
    TrainConfig resolved = config;
    resolve_device(resolved);
    DeviceMemory& memory = device_memory(*resolved.device);
    memory.trim();
    return std::make_unique<LimitScope>(memory, std::int64_t{config.memory} * 1'000'000);
}

void choose_batches(TrainConfig& config, const PlannedData& data, const std::function<void(const std::string&)>& say) {
    resolve_device(config);
    const TrainConfig asked = config;
    for (std::size_t i = 0; i < stage_count(config); ++i) {
        TrainConfig stage = planned_stage(asked, i);
        if (stage.batch > 0) continue;
        stage.batch = least_batch(stage);
        // A first plan leaves some of its own in memory, oneDNN's descriptions above all.
        const Needed least = needed(stage, data);
        const Room room = room_on(*config.device);
        const int batch = largest_batch(stage, data, room, data.frames);
        if (batch == 0)
            fail("--batch auto: a batch of {} of {}x{} is planned to take {} on {}; give a smaller size", stage.batch,
                 stage.height, stage.width, room.text(least), name(*config.device));
        stage.batch = batch;
        say(fmt::format("--batch auto: {} of {}x{}, planned to take {}", batch, stage.height, stage.width,
                        room.text(needed(stage, data))));
        if (!config.stages.empty()) config.stages[i]["batch"] = batch;
        if (config.batch == 0) config.batch = batch;  // of a run in stages nobody's, but a number
    }
}

void check_memory(const TrainConfig& config, const PlannedData& data) {
    if (config.memory == 0) return;
    const std::int64_t allowed = room_on(*config.device).allowed;
    for (std::size_t i = 0; i < stage_count(config); ++i) {
        const TrainConfig stage = planned_stage(config, i);
        if (needed(stage, data).tensors <= allowed) continue;
        const std::string which =
            config.stages.empty() ? "" : fmt::format("stage {} of {}: ", i + 1, stage_count(config));
        throw OutOfMemory("out of memory: " + which + batch_advice(stage, data));
    }
}

std::string batch_advice(const TrainConfig& config, const PlannedData& data, bool resumed) {
    DeviceMemory& memory = device_memory(*config.device);
    memory.trim();
    const Room room = {memory.available() + static_cast<std::int64_t>(memory.stats().current), memory.limit()};
    const Needed all = needed(config, data);
    const std::string planned = fmt::format("a batch of {} of {}x{} is planned to take {}", config.batch, config.height,
                                            config.width, room.text(all));
    if (resumed) {  // whose batch is what it is
        return config.memory > 0 ? fmt::format("{}: give --memory {} or more", planned, all.tensors / 1'000'000 + 1)
                                 : planned + ": it takes a machine with more";
    }
    const int fits = largest_batch(config, data, room, std::min(config.batch - 1, data.frames));
    if (fits == 0) return planned + ", and no smaller one fits: give a smaller --size";
    return fmt::format("{}; --batch {} would fit, as --batch auto chooses", planned, fits);
}

}  // namespace camber
