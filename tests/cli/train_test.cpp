#include <camber/checkpoint.h>
#include <doctest/doctest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/scenes.h"
#include "support/hdf5.h"
#include "support/weights.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

/// metrics.jsonl without what depends on the clock.
std::vector<nlohmann::json> metrics_of(const fs::path& run) {
    std::vector<nlohmann::json> lines;
    std::istringstream text(read_text(run / "metrics.jsonl"));
    for (std::string line; std::getline(text, line);) {
        lines.push_back(nlohmann::json::parse(line));
        for (const char* time : {"seconds", "seconds_in", "elapsed"}) lines.back().erase(time);
        for (const char* other : {"images_per_second", "peak_bytes"}) lines.back().erase(other);
    }
    return lines;
}

/// Whatever is there is whole, and what the last checkpoint says of the best epoch is on the disk.
void check_killed(const fs::path& run) {
    if (!fs::exists(run / "last.safetensors")) return;
    const CheckpointInfo last = CheckpointFile::open(run / "last.safetensors").info();
    if (last.best_epoch < 0) return;
    CHECK(CheckpointFile::open(run / "best.safetensors").info().best_epoch >= last.best_epoch);
    CHECK(fs::directory_iterator(run / "pictures") != fs::directory_iterator());
}

/// The files differ only where a configuration names its own run; tensors are equal to the bit.
void check_equal_runs(const fs::path& run, const fs::path& expected) {
    CHECK(metrics_of(run) == metrics_of(expected));
    for (const char* file : {"last.safetensors", "best.safetensors"}) check_equal_weights(run / file, expected / file);
}

std::vector<std::string> resume_arguments(const fs::path& out) { return {"train", "--resume", "--out", out.string()}; }

}  // namespace

TEST_CASE("a run leaves a folder that explains itself, and its checkpoint can be judged and applied") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    const CommandResult trained = run_camber(train_arguments(folder / "data", folder / "run"));
    INFO(trained.errors);
    REQUIRE(trained.exit_code == 0);
    CHECK(trained.output.find("best epoch") != std::string::npos);
    CHECK(metrics_of(folder / "run").size() == 3);
    double elapsed = 0;
    std::istringstream metrics(read_text(folder / "run/metrics.jsonl"));
    for (std::string text; std::getline(metrics, text);) {
        const nlohmann::json line = nlohmann::json::parse(text), in = line.at("seconds_in");
        const double steps = in.at("steps"), validation = in.at("validation"), checkpoints = in.at("checkpoints");
        CHECK(steps > 0);
        CHECK(validation > 0);
        CHECK(checkpoints >= 0);
        CHECK(line.at("elapsed").get<double>() >= elapsed + steps + validation + checkpoints);
        elapsed = line.at("elapsed");
    }
    CHECK(nlohmann::json::parse(read_text(folder / "run/config.json")).at("net") == "unet");
    CHECK(SafetensorsFile::open(folder / "run/best.safetensors").find("model.head.weight") != nullptr);
    CHECK(std::distance(fs::directory_iterator(folder / "run/pictures"), fs::directory_iterator()) == 2);

    const std::string checkpoint = (folder / "run/best.safetensors").string();
    const CommandResult judged = run_camber({"eval", "--checkpoint", checkpoint, "--json"});
    REQUIRE(judged.exit_code == 0);
    double best = 0;
    for (const nlohmann::json& line : metrics_of(folder / "run")) {
        best = std::max(best, line.at("val").at("mean_iou").get<double>());
    }
    CHECK(nlohmann::json::parse(judged.output).at("mean_iou").get<double>() == doctest::Approx(best));

    const CommandResult painted = run_camber(
        {"predict", "--checkpoint", checkpoint, "--out", (folder / "out").string(), (folder / "data/val").string()});
    REQUIRE(painted.exit_code == 0);
    CHECK(std::distance(fs::directory_iterator(folder / "out"), fs::directory_iterator()) == 9);
    for (const auto& entry : fs::directory_iterator(folder / "out")) {
        if (entry.path().string().ends_with("_labels.png")) {
            const Image labels = read_label(entry.path());
            CHECK(labels.height == 64);
            CHECK(*std::max_element(labels.data.begin(), labels.data.end()) < 11);
        }
    }
}

TEST_CASE(
    "a run killed at any moment and resumed gives the metrics and weights of one never interrupted, bit for bit") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    std::vector<std::string> more;
    SUBCASE("saved after every step, so that kills fall into saving as often as into computing") {
        more = {"--checkpoint-minutes", "0"};
    }
    SUBCASE("saved as often as it costs little, so that epochs are done again") {
        more = {"--epochs", "25", "--pictures", "1"};
    }
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(run_camber(train_arguments(folder / "data", folder / "whole", more)).exit_code == 0);
    const std::chrono::duration<double, std::micro> whole_run = std::chrono::steady_clock::now() - start;

    const fs::path killed = folder / "killed";
    std::vector<std::string> arguments = train_arguments(folder / "data", killed, more);
    int kills = 0;
    std::uint32_t random = 12345;
    for (int attempt = 0; attempt < 200; ++attempt) {
        random = random * 1664525u + 1013904223u;
        // Between a tenth and four tenths of a whole run, so that it takes several on any machine; later attempts get
        // more time, so that it ends.
        const double share = 0.1 + 0.3 * (random >> 16) / 65536 + 0.05 * attempt;
        const auto delay = std::chrono::microseconds(static_cast<std::int64_t>(share * whole_run.count()));
        const CommandResult result =
            run_camber(arguments, {.file_size = {}, .signal = SIGKILL, .delay = delay, .when = {}});
        if (result.exit_code == 0) break;
        REQUIRE_MESSAGE(result.signal == SIGKILL, result.errors);
        ++kills;
        check_killed(killed);
        // One without a checkpoint begins anew.
        if (fs::exists(killed / "config.json")) arguments = resume_arguments(killed);
    }
    INFO("killed ", kills, " times");
    CHECK(kills >= 2);
    check_equal_runs(killed, folder / "whole");
}

TEST_CASE("a run killed while a checkpoint is written has the one before, and goes on from there") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    // Wide, so that writing takes a while.
    const std::vector<std::string> wide = {"--width", "16", "--checkpoint-minutes", "0"};
    REQUIRE(run_camber(train_arguments(folder / "data", folder / "whole", wide)).exit_code == 0);
    const fs::path killed = folder / "killed";
    const auto writing = [&](const char* file) {
        std::error_code ignored;
        for (fs::directory_iterator it(killed, ignored), end; !ignored && it != end; it.increment(ignored))
            if (it->path().filename().string().starts_with(std::string(".") + file + ".tmp-")) return true;
        return false;
    };
    std::vector<std::string> arguments = train_arguments(folder / "data", killed, wide);
    for (const char* file : {"last.safetensors", "best.safetensors", "last.safetensors"}) {
        const auto when = [&] { return writing(file) && fs::exists(killed / "last.safetensors"); };
        const CommandResult result =
            run_camber(arguments, {.file_size = {}, .signal = SIGKILL, .delay = {}, .when = when});
        INFO(file);
        REQUIRE_MESSAGE(result.signal == SIGKILL, result.errors);
        check_killed(killed);
        arguments = resume_arguments(killed);
    }
    REQUIRE(run_camber(arguments).exit_code == 0);
    check_equal_runs(killed, folder / "whole");
    for (const auto& entry : fs::directory_iterator(killed))
        CHECK_MESSAGE(entry.path().filename().string().find(".tmp-") == std::string::npos, entry.path().string());
}

TEST_CASE("Ctrl-C saves, exits 130, and the run goes on from there") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    const std::vector<std::string> arguments = train_arguments(folder / "data", folder / "run", {"--epochs", "2000"});
    const CommandResult interrupted =
        run_camber(arguments, {.file_size = {}, .signal = SIGINT, .delay = std::chrono::milliseconds(1500)});
    CHECK(interrupted.exit_code == 130);
    CHECK(interrupted.output.find("--resume") != std::string::npos);
    CHECK_NOTHROW(SafetensorsFile::open(folder / "run/last.safetensors"));
    const CommandResult again =
        run_camber(resume_arguments(folder / "run"),
                   {.file_size = {}, .signal = SIGINT, .delay = std::chrono::milliseconds(1500)});
    CHECK(again.exit_code == 130);
    CHECK(again.output.find("resumed at epoch") != std::string::npos);
}

TEST_CASE("--stop-at and --patience end a run early") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    const CommandResult reached = run_camber(train_arguments(folder / "data", folder / "a", {"--stop-at", "0.0001"}));
    CHECK(reached.exit_code == 0);
    CHECK(metrics_of(folder / "a").size() == 1);
    // A rate of zero never improves on the first epoch.
    const CommandResult patient =
        run_camber(train_arguments(folder / "data", folder / "b", {"--patience", "1", "--lr", "0", "--ema", "0.999"}));
    CHECK(patient.exit_code == 0);
    CHECK(patient.output.find("--patience") != std::string::npos);
}

TEST_CASE("a loss that is not finite stops the run and names step, rate and checkpoint") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    const CommandResult result =
        run_camber(train_arguments(folder / "data", folder / "run",
                                   {"--lr", "1e37", "--clip", "0", "--optimizer", "sgd", "--schedule", "constant"}));
    CHECK(result.exit_code == 1);
    CHECK(result.errors.find("step") != std::string::npos);
    CHECK(result.errors.find("learning rate 1e+37") != std::string::npos);
    CHECK(result.errors.find("checkpoint") != std::string::npos);
}

TEST_CASE("a network trained on the GPU's kernels follows the CPU's metrics, and its checkpoint serves elsewhere") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    const std::vector<std::string> small = {"--width", "2", "--size", "32x32", "--epochs", "2", "--pictures", "0"};
    const auto with = [&](const char* device) {
        std::vector<std::string> more = small;
        more.insert(more.end(), {"--device", device, "--dtype", "f32"});
        return more;
    };
    if (run_camber({"info"}).output.find("emulated   the CUDA kernels") == std::string::npos) return;
    for (const char* device : {"cpu", "emulated"}) {
        const CommandResult trained = run_camber(train_arguments(folder / "data", folder / device, with(device)));
        INFO(trained.errors);
        REQUIRE(trained.exit_code == 0);
        CHECK(trained.output.find("queued an operation at a time") == std::string::npos);
    }
    const auto expected = metrics_of(folder / "cpu"), found = metrics_of(folder / "emulated");
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i].at("train").at("loss").get<double>() ==
              doctest::Approx(expected[i].at("train").at("loss").get<double>()).epsilon(1e-3));
        CHECK(found[i].at("val").at("pixel_accuracy").get<double>() ==
              doctest::Approx(expected[i].at("val").at("pixel_accuracy").get<double>()).epsilon(0.02));
    }
    const CommandResult judged = run_camber(
        {"eval", "--checkpoint", (folder / "emulated/best.safetensors").string(), "--device", "cpu", "--json"});
    CHECK(judged.exit_code == 0);
}

TEST_CASE("a device that cannot be used is one line") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    if (run_camber({"info"}).output.find("cuda       NVIDIA") != std::string::npos) return;  // it can be used here
    const CommandResult refused = run_camber(train_arguments(folder / "data", folder / "run", {"--device", "cuda"}));
    CHECK(refused.exit_code == 1);
    CHECK(refused.errors.find("camber: error: device 'cuda' cannot be used: ") == 0);
    CHECK(std::count(refused.errors.begin(), refused.errors.end(), '\n') == 1);
    CHECK_FALSE(fs::exists(folder / "run"));
}

TEST_CASE("training from Keras's plain U-Net takes the pixels that import takes it to have") {
    if (!has_hdf5()) return;
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    const auto mean_of_red = [&](const char* name, const std::vector<std::string>& more) {
        std::vector<std::string> arguments = {"train",
                                              "--data",
                                              (folder / "data").string(),
                                              "--out",
                                              (folder / name).string(),
                                              "--weights",
                                              std::string(CAMBER_TEST_FIXTURES) + "/weights/plain_unet.keras",
                                              "--net",
                                              "unet",
                                              "--width",
                                              "2",
                                              "--depth",
                                              "2",
                                              "--up-kernel",
                                              "3",
                                              "--head-kernel",
                                              "3",
                                              "--size",
                                              "32x48",
                                              "--epochs",
                                              "1",
                                              "--pictures",
                                              "0"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const CommandResult result = run_camber(arguments);
        INFO(result.errors);
        REQUIRE(result.exit_code == 0);
        const auto config = nlohmann::json::parse(read_text(folder / name / "config.json"));
        return config.at("normalisation").at("mean").at(0).get<double>();
    };
    CHECK(mean_of_red("unit", {}) == 0);
    CHECK(mean_of_red("original", {"--input", "original"}) == doctest::Approx(0.485));
}
