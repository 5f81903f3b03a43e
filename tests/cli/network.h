#pragma once
#include <camber/import.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <camber/safetensors.h>
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "support/command.h"
#include "support/files.h"

namespace camber::testing {

/// A small U-Net whose weights are changed by `change` before they are imported, and folders for what it predicts.
struct Network {
    TemporaryFolder folder;
    std::filesystem::path checkpoint = folder / "c.safetensors", in = folder / "in", out = folder / "out";

    explicit Network(int classes = 3, const std::function<void(const NamedTensor&)>& change = {}) {
        const auto net = nets::make_net("unet", {{"width", 4}, {"depth", 1}, {"classes", classes}});
        const nn::ParameterBuffer memory(*net, {.seed = 3, .gradients = false});
        const auto tensors = export_weights(*net);
        for (const NamedTensor& named : tensors)
            if (change) change(named);
        write_safetensors(folder / "w.safetensors", tensors);
        const CommandResult imported = run_camber({"import", "--weights", (folder / "w.safetensors").string(), "--out",
                                                   checkpoint.string(), "--net", "unet", "--width", "4", "--depth", "1",
                                                   "--classes", std::to_string(classes), "--size", "32x48"});
        INFO(imported.errors);
        REQUIRE(imported.exit_code == 0);
        std::filesystem::create_directories(in);
    }
    CommandResult predict(const std::vector<std::string>& inputs, const CommandLimits& limits = {}) const {
        std::vector<std::string> arguments = {"predict",           "--device", "cpu",       "--checkpoint",
                                              checkpoint.string(), "--out",    out.string()};
        arguments.insert(arguments.end(), inputs.begin(), inputs.end());
        return run_camber(arguments, limits);
    }
};

inline Image noise(int height, int width) {
    Image image(height, width, 3);
    unsigned state = 1;
    for (auto& value : image.data) value = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
    return image;
}

}  // namespace camber::testing
