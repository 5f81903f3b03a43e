// Networks that see grey or RGBA pictures, from training to prediction.
#include <camber/image.h>
#include <camber/import.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <camber/safetensors.h>
#include <doctest/doctest.h>

#include "cli/check_error.h"
#include "cli/scenes.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

using Lines = std::vector<std::string>;

CommandResult checked(const Lines& arguments) {
    const CommandResult result = run_camber(arguments);
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    return result;
}

/// The label map that a checkpoint gives a picture.
Image prediction(const fs::path& checkpoint, const fs::path& folder, const Image& picture) {
    write_png(folder / "picture.png", picture);
    checked({"predict", "--device", "cpu", "--checkpoint", checkpoint.string(), "--out", (folder / "out").string(),
             (folder / "picture.png").string()});
    CHECK(read_image(folder / "out/picture_overlay.png").height == picture.height);
    return read_label(folder / "out/picture_labels.png");
}

/// One half opaque and one not; colours say nothing of which.
Image see_through(int height, int width, bool top = true) {
    Image picture(height, width, 4);
    for (std::size_t i = 0; i < picture.pixels(); ++i) {
        for (std::size_t c = 0; c < 3; ++c) picture.data[4 * i + c] = static_cast<std::uint8_t>(i * 40 * (c + 1));
        picture.data[4 * i + 3] = (2 * i < picture.pixels()) == top ? 255 : 0;
    }
    return picture;
}

}  // namespace

TEST_CASE("a network of one input channel trains on the grey of pictures, is judged and predicts") {
    const TemporaryFolder folder;
    const fs::path data = folder / "data", run = folder / "run", best = run / "best.safetensors";
    write_scenes(data);
    checked(train_arguments(data, run, {"--net-option", "in_channels=1"}));
    CHECK(nlohmann::json::parse(checked({"eval", "--json", "--checkpoint", best.string()}).output).at("mean_iou") > 0);
    const Image picture = read_image(fs::directory_iterator(data / "val")->path());
    CHECK(prediction(best, folder.path(), picture) == prediction(best, folder.path(), with_channels(picture, 1)));
    CHECK(fs::exists(run / "pictures"));
    check_error(run_camber(train_arguments(data, folder / "two", {"--net-option", "in_channels=2"})), 2,
                {"2 input channels", "1 (grey), 3 (RGB) or 4 (RGBA)"});
}

TEST_CASE("a network of four input channels learns from alpha") {
    const TemporaryFolder folder;
    const fs::path data = folder / "data", run = folder / "run", best = run / "best.safetensors";
    for (const char* split : {"train", "val"}) {
        for (const char* kind : {"images", "masks"}) fs::create_directories(data / split / kind);
        for (int i = 0; i < 4; ++i) {
            const Image picture = see_through(32, 48, i % 2 == 0);
            Image truth(32, 48, 1);
            for (std::size_t p = 0; p < truth.pixels(); ++p) truth.data[p] = picture.data[4 * p + 3] == 0;
            write_png(data / split / "images" / fmt::format("{}{}.png", split, i), picture);
            write_png(data / split / "masks" / fmt::format("{}{}.png", split, i), truth);
        }
    }
    checked(train_arguments(data, run, {"--net-option", "in_channels=4", "--epochs", "40", "--lr", "0.02"}));
    CHECK(nlohmann::json::parse(checked({"eval", "--json", "--checkpoint", best.string()}).output).at("mean_iou") >
          0.5);
    const Image picture = see_through(32, 48);
    CHECK_FALSE(prediction(best, folder.path(), picture) == prediction(best, folder.path(), with_channels(picture, 3)));
}

TEST_CASE("an imported network of one input channel predicts") {
    const TemporaryFolder folder;
    const auto net = nets::make_net("unet", {{"width", 4}, {"depth", 1}, {"classes", 3}, {"in_channels", 1}});
    const nn::ParameterBuffer memory(*net, {.seed = 3, .gradients = false});
    write_safetensors(folder / "w.safetensors", export_weights(*net));
    const fs::path checkpoint = folder / "c.safetensors";
    checked({"import", "--weights", (folder / "w.safetensors").string(), "--out", checkpoint.string(), "--net", "unet",
             "--width", "4", "--depth", "1", "--classes", "3", "--in-channels", "1", "--size", "32x48"});
    CHECK(prediction(checkpoint, folder.path(), with_channels(see_through(20, 30), 3)).height == 20);
}
