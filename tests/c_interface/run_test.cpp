// Frames through the C interface: what the C++ library and the command give, exactly.
#include <camber/ops.h>
#include <camber/prediction.h>
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "c_interface/checkpoints.h"
#include "cli/scenes.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// What the C++ library gives.
Result expected(Model& model, const Image& image) {
    Result result;
    result.labels = predict(model, image).data;
    const auto append = [](std::vector<float>& to, const Tensor& from) {
        const std::vector<float> values = from.to_vector<float>();
        to.insert(to.end(), values.begin(), values.end());
    };
    predict_rows(model, image, [&](const LogitRows& rows) {
        append(result.logits, rows.logits);
        append(result.probabilities, ops::softmax(rows.logits));
    });
    return result;
}

void check_frames(const SmallNetwork& network, const camber_options& options,
                  const std::function<void(Model&)>& set_up = {}) {
    const TemporaryFolder folder;
    const std::string checkpoint = write_checkpoint(folder / "a", network);
    Model model = load_model(checkpoint);
    if (set_up) set_up(model);
    const Handle handle(checkpoint, &options);
    REQUIRE(handle.status == CAMBER_OK);
    for (const auto& size : {std::pair(32, 48), std::pair(75, 131), std::pair(1, 1), std::pair(3, 200)}) {
        const Image image = noise(size.first, size.second);
        CAPTURE(image.height);
        const Result result = run_all(handle.model, image, model.classes.count());
        CHECK(result.status == CAMBER_OK);
        CHECK(result == expected(model, image));
        CHECK(run_labels(handle.model, image).labels == result.labels);
    }
}

}  // namespace

TEST_CASE("labels, logits and probabilities are the C++ library's") { check_frames({}, options()); }

TEST_CASE("frames go through whole, in tiles, at another size, with their mirror images") {
    camber_options whole = options();
    whole.own_size = 1;
    check_frames({}, whole, [](Model& model) { model.inference.own_size = true; });
    camber_options tiled = options();
    tiled.tile_height = 32, tiled.tile_width = 16, tiled.overlap = 0.5f;
    const auto tile = [](Model& model) {
        model.inference.tile_height = 32, model.inference.tile_width = 16, model.inference.overlap = 0.5;
    };
    check_frames({}, tiled, tile);
    tiled.overlap = 0;
    check_frames({}, tiled, [&](Model& model) { tile(model), model.inference.overlap = 0.25; });
    tiled.overlap = -1;
    check_frames({}, tiled, [&](Model& model) { tile(model), model.inference.overlap = 0; });
    camber_options sized = options();
    sized.height = 64, sized.width = 32, sized.flip = 1;
    check_frames({}, sized, [](Model& model) {
        model.config.height = 64, model.config.width = 32;
        model.inference.flip = true;
    });
    const std::vector<double> scales = {0.5, 1, 2};
    camber_options scaled = options();
    scaled.scale_count = 3, scaled.scales = scales.data();
    check_frames({}, scaled, [&](Model& model) { model.inference.scales = scales; });
}

TEST_CASE("networks of one output channel, of grey and of RGBA") {
    check_frames({.classes = 1}, options());
    check_frames({.channels = 1}, options());
    check_frames({.channels = 4}, options());
}

TEST_CASE("frames of other channels, and rows with gaps") {
    const TemporaryFolder folder;
    const Handle handle(write_checkpoint(folder / "a"));
    REQUIRE(handle.status == CAMBER_OK);
    const Image colour = noise(40, 50), grey = with_channels(colour, 1), alpha = with_channels(colour, 4);
    const Result of_colour = run_labels(handle.model, colour);
    CHECK(run_labels(handle.model, alpha).labels == of_colour.labels);
    CHECK(run_labels(handle.model, grey).labels == run_labels(handle.model, with_channels(grey, 3)).labels);
    camber_frame frame = frame_of(colour);
    frame.channels = 0;  // RGB
    std::vector<std::uint8_t> labels(colour.pixels());
    frame.labels = labels.data();
    CHECK(camber_run(handle.model, &frame) == CAMBER_OK);
    CHECK(labels == of_colour.labels);
    // The left part of a wider picture.
    frame.width = 30;
    frame.row_bytes = 150;
    Image left(40, 30, 3);
    for (int row = 0; row < 40; ++row) std::copy_n(colour.at(row, 0), 90, left.at(row, 0));
    labels.assign(left.pixels(), 0);
    frame.labels = labels.data();
    CHECK(camber_run(handle.model, &frame) == CAMBER_OK);
    CHECK(labels == run_labels(handle.model, left).labels);
}

TEST_CASE("label maps are those that `camber predict` writes") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    REQUIRE(run_camber(train_arguments(folder / "data", folder / "run", {"--device", "cpu"})).exit_code == 0);
    const std::string best = (folder / "run/best.safetensors").string();
    const auto predict_to = [&](const char* out, std::vector<std::string> more) {
        more.insert(more.begin(), {"predict", "--checkpoint", best, "--out", (folder / out).string(),
                                   (folder / "data/val").string()});
        REQUIRE(run_camber(more).exit_code == 0);
    };
    predict_to("a", {"--write", "labels"});
    predict_to("b", {"--write", "labels,probabilities", "--tile", "32x32"});
    camber_options tiled = options();
    tiled.tile_height = tiled.tile_width = 32;
    const Handle handle(best), tiles(best, &tiled);
    REQUIRE(handle.status == CAMBER_OK);
    REQUIRE(tiles.status == CAMBER_OK);
    int frames = 0, classes_seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "data/val")) {
        std::uint8_t* pixels = nullptr;
        int height = 0, width = 0;
        REQUIRE(camber_read_picture(entry.path().c_str(), 3, &pixels, &height, &width) == CAMBER_OK);
        Image image(height, width, 3);
        std::copy_n(pixels, image.data.size(), image.data.begin());
        camber_free_picture(pixels);
        const auto result_of = [&](const char* out, const char* end) {
            return folder / out / (entry.path().stem().string() + end);
        };
        const Result result = run_labels(handle.model, image);
        CHECK(result.labels == read_label(result_of("a", "_labels.png")).data);
        const Result in_tiles = run_all(tiles.model, image, 11);
        CHECK(in_tiles.labels == read_label(result_of("b", "_labels.png")).data);
        const std::string npy = read_text(result_of("b", "_probabilities.npy"));
        const std::size_t bytes = in_tiles.probabilities.size() * sizeof(float);
        REQUIRE(npy.size() > bytes);
        CHECK(std::memcmp(npy.data() + npy.size() - bytes, in_tiles.probabilities.data(), bytes) == 0);
        classes_seen = std::max<int>(classes_seen, *std::max_element(result.labels.begin(), result.labels.end()));
        ++frames;
    }
    CHECK(frames == 3);
    CHECK(classes_seen > 0);  // what is compared is not empty
}

TEST_CASE("a closed handle gives back all of its memory, prepared weights too") {
    const TemporaryFolder folder;
    const std::string checkpoint = write_checkpoint(folder / "a");
    const Image image = noise(64, 96);
    const auto use = [&] {
        const Handle handle(checkpoint);
        for (int i = 0; i < 3; ++i) CHECK(run_labels(handle.model, image).status == CAMBER_OK);
    };
    const DeviceMemory& memory = device_memory(Device::cpu);
    use();
    const std::size_t before = memory.stats().current;
    for (int i = 0; i < 3; ++i) use();
    CHECK(memory.stats().current == before);
}
