#include <camber/class_table.h>
#include <camber/error.h>
#include <camber/progress.h>
#include <camber/synth.h>

#include "core/parallel_for.h"
#include "io/new_folder.h"

namespace camber {

void write_synthetic_dataset(const std::filesystem::path& folder, const SynthConfig& config, const Progress& progress) {
    if (config.train_count < 0 || config.val_count < 0 || config.train_count + config.val_count == 0) {
        fail_usage("{} training and {} validation scenes: give at least one", config.train_count, config.val_count);
    }
    NewFolder made(folder);

    struct Split {
        const char* name;
        int count;
    };
    const Split splits[] = {{"train", config.train_count}, {"val", config.val_count}};
    for (const Split& split : splits) {
        if (split.count == 0) continue;
        std::string list;
        for (int i = 0; i < split.count; ++i)
            list += fmt::format("{0}/{1:05}.png {0}annot/{1:05}.png\n", split.name, i);
        made.write(fmt::format("{}.txt", split.name), list);
    }
    made.write("classes.json", class_table_json(camvid11()));

    const auto train_count = static_cast<std::size_t>(config.train_count);
    const auto total = train_count + static_cast<std::size_t>(config.val_count);
    const auto make = [&](std::size_t i) {
        const Split& split = splits[i < train_count ? 0 : 1];
        const std::size_t number = i < train_count ? i : i - train_count;
        // Validation scenes are numbered apart, so that more training scenes never become validation ones.
        const std::uint64_t index = i < train_count ? number : (std::uint64_t{1} << 32) + number;
        const Scene scene = generate_scene(config.seed, index, config.height, config.width);
        const std::string file = fmt::format("{:05}.png", number);
        made.write_png(fmt::format("{}/{}", split.name, file), scene.image);
        made.write_png(fmt::format("{}annot/{}", split.name, file), scene.label);
    };
    parallel_for(total, config.threads, make, progress);

    made.commit();
}

}  // namespace camber
