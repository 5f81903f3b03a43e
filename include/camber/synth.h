#pragma once
#include <camber/image.h>
#include <camber/progress.h>

#include <cstdint>
#include <filesystem>

/// Generated street scenes: a dataset for where there is none.
namespace camber {

struct Scene {
    Image image;  ///< RGB
    Image label;  ///< camvid11() ids
};

/// A street scene with its exact label map: the same for the same arguments and build. Height and width are 32 to 4096.
Scene generate_scene(std::uint64_t seed, std::uint64_t index, int height, int width);

struct SynthConfig {
    int train_count = 400;
    int val_count = 100;
    int height = 360;
    int width = 480;
    std::uint64_t seed = 1;
    int threads = 0;  ///< 0 is one per core
};

/// Writes train and val splits in SegNet's layout (PNG, lists, classes.json). Everything is written to a folder beside
/// `folder` and renamed at the end. Throws Error when `folder` exists and is not empty, or on a write failure; nothing
/// is left behind then.
void write_synthetic_dataset(const std::filesystem::path& folder, const SynthConfig& config,
                             const Progress& progress = {});

}  // namespace camber
