#include <camber/image.h>
#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdlib>

#include "cli/check_error.h"
#include "cli/scenes.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

void truncate(const fs::path& file, std::uintmax_t bytes) { fs::resize_file(file, bytes); }

struct Scenes {
    TemporaryFolder folder;
    fs::path data = folder / "data", run = folder / "run";
    Scenes() { write_scenes(data); }
    CommandResult train(std::vector<std::string> more = {}, const CommandLimits& limits = {}) const {
        return run_camber(train_arguments(data, run, std::move(more)), limits);
    }
};

}  // namespace

TEST_CASE("bad data gives one line and leaves no run behind") {
    Scenes s;
    const fs::path image = s.data / "train/00000.png", label = s.data / "trainannot/00000.png";
    SUBCASE("no folder") {
        fs::remove_all(s.data);
        check_error(s.train(), 1, {"data"});
    }
    SUBCASE("empty split") {
        std::ofstream(s.data / "train.txt").close();
        check_error(s.train(), 1, {"train"});
    }
    SUBCASE("not an image") {
        std::ofstream(image) << "these are words";
        check_error(s.train(), 1, {"00000.png"});
    }
    SUBCASE("image cut short") {
        truncate(image, fs::file_size(image) / 2);
        check_error(s.train(), 1, {"00000.png"});
    }
    SUBCASE("no label map") {
        fs::remove(label);
        check_error(s.train(), 1, {"00000"});
    }
    SUBCASE("label map of another size") {
        write_png(label, Image(64, 95, 1));
        check_error(s.train(), 1, {"00000.png", "95"});
    }
    SUBCASE("label map with a strange id") {
        Image ids(64, 96, 1);
        ids.data[100] = 77;
        write_png(label, ids);
        check_error(s.train(), 1, {"00000.png", "77"});
    }
    SUBCASE("size that does not divide") {
        check_error(s.train({"--size", "33x48"}), 2, {"33 high", "16", "--size-policy pad"});
    }
    SUBCASE("another number of classes than the data's") {
        for (const char* given : {"--classes", "--net-option"}) {
            const std::string value = *(given + 2) == 'c' ? "5" : "classes=5";
            check_error(s.train({given, value}), 2, {given, "5", "the data says", "--classes TABLE"});
        }
        check_error(s.train({"--classes", "1"}), 2,
                    {"two classes", "11 classes (camvid11)", "--net-option classes=11"});
    }
    SUBCASE("a warm-up that is all of the run") {
        check_error(s.train({"--warmup", "12"}), 2, {"--warmup 12", "12 steps", "3 epochs", "--schedule one_cycle"});
    }
    CHECK_FALSE(fs::exists(s.run));
}

TEST_CASE("misuse exits with 2 and says what there is") {
    Scenes s;
    check_error(s.train({"--net", "resnext"}), 2, {"resnext", "unet"});
    check_error(s.train({"--up-kernel", "5"}), 2, {"--up-kernel", "2"});
    check_error(s.train({"--nesterov"}), 2, {"--nesterov", "adamw"});
    check_error(s.train({"--minutes", "1"}), 2, {"--epochs", "--minutes"});
    check_error(s.train({"--loss", "hinge"}), 2, {"hinge", "dice"});
    check_error(s.train({"--loss", "dice+dice:3"}), 2, {"'dice' stands twice"});
    check_error(s.train({"--optimizer", "lion"}), 2, {"lion", "adamw"});
    check_error(s.train({"--schedule", "zigzag"}), 2, {"zigzag", "cosine"});
    check_error(s.train({"--monitor", "luck"}), 2, {"luck", "mean_iou"});
    check_error(s.train({"--dtype", "f16"}), 2, {"f16", "bf16"});
    check_error(s.train({"--device", "tpu"}), 2, {"tpu", "cpu"});
    check_error(s.train({"--class-weights", "heavy"}), 2, {"heavy", "median"});
    check_error(s.train({"--focal-class-weights"}), 2, {"--focal-class-weights", "--loss", "--class-weights"});
    check_error(s.train({"--size", "64"}), 2, {"64"});
    check_error(s.train({"--batch", "many"}), 2, {"batch"});
    check_error(s.train({"--batch", "99999999999"}), 2, {"'99999999999', which is too large"});
    check_error(s.train({"--lr", "-1"}), 2, {"lr"});
    check_error(run_camber({"train", "--no-such-option"}), 2,
                {"no option '--no-such-option'; see camber train --help"});
    check_error(run_camber({"train", "--schedul=step"}), 2, {"no option '--schedul' (did you mean '--schedule'?)"});
    check_error(run_camber({"train", "--epochs", "1", "--bacth", "8"}), 2, {"'--bacth' (did you mean '--batch'?)"});
    check_error(run_camber({"data", "synth", "--out", "x", "here"}), 2,
                {"'here' was not expected; see camber data synth --help"});
    check_error(run_camber({"train"}), 2, {"--data"});
    check_error(run_camber({}), 2, {"a command is missing; camber --help lists them"});
    check_error(run_camber({"data"}), 2, {"a command is missing; camber data --help lists them"});
    check_error(run_camber({"trian"}), 2, {"there is no command 'trian' (did you mean 'train'?); see camber --help"});
    check_error(run_camber({"data", "inof", "x"}), 2, {"there is no command 'inof' (did you mean 'info'?)"});
    check_error(run_camber({"summary", "--net", "vnet"}), 2, {"vnet", "unet"});
    check_error(run_camber({"train", "--resume"}), 2, {"--out"});
    check_error(run_camber({"train", "--resume", "--out", s.run.string(), "--lr", "1"}), 2, {"--lr"});
    CHECK_FALSE(fs::exists(s.run));
}

TEST_CASE("checkpoints that do not fit are refused in one line") {
    Scenes s;
    REQUIRE(s.train({"--epochs", "1"}).exit_code == 0);
    const fs::path best = s.run / "best.safetensors";
    const auto eval = [&](const fs::path& checkpoint) {
        return run_camber({"eval", "--checkpoint", checkpoint.string(), "--data", s.data.string()});
    };
    CHECK(eval(best).exit_code == 0);
    check_error(run_camber({"eval", "--checkpoint", best.string(), "--size", "33x48"}), 2, {"33 high", "32 or 48"});
    check_error(s.train(), 2, {"already holds a run", "--resume"});
    check_error(eval(s.folder / "none.safetensors"), 1, {"none.safetensors"});
    check_error(run_camber({"eval", "--checkpoint", best.string(), "--data", s.data.string(), "--split", "test"}), 1,
                {"test", "val"});
    {
        std::ofstream classes(s.data / "classes.json");
        classes << R"({"name": "two", "classes": [{"name": "road", "colour": [1, 2, 3]},
                                   {"name": "rest", "colour": [4, 5, 6]}],
                       "void": {"id": 11, "name": "void", "colour": [0, 0, 0]}})";
    }
    Image ids(64, 96, 1);
    for (const auto& entry : fs::directory_iterator(s.data / "valannot")) write_png(entry.path(), ids);
    check_error(eval(best), 1, {"2 classes", "11", "class 0 is 'road' in the data, 'Sky' in the network"});
    SUBCASE("cut short") {
        truncate(best, fs::file_size(best) - 10);
        check_error(eval(best), 1, {"best.safetensors"});
    }
    SUBCASE("foreign") { check_error(eval(s.data / "val/00000.png"), 1, {"00000.png"}); }
}

TEST_CASE("a size beyond memory is an error, not a kill") {
    Scenes s;
    check_error(s.train({"--size", "80000x80000"}), 1, {"memory"});
    CHECK_FALSE(fs::exists(s.run));
}

TEST_CASE("a full disk is an error that leaves neither half a file nor a temporary") {
    Scenes s;
    check_error(s.train({}, {.file_size = 40000, .signal = 0, .delay = {}}), 1, {"run"});
    for (const auto& entry : fs::recursive_directory_iterator(s.run)) {
        const std::string name = entry.path().filename().string();
        CHECK_MESSAGE(name.find("tmp") == std::string::npos, name);
        CHECK_MESSAGE(!name.ends_with(".safetensors"), name);
    }
}

TEST_CASE("output that nobody reads any more is an error, not a signal") {
    const TemporaryFolder folder;
    const std::string status = (folder / "status").string();
    // `true` is gone before anything is printed.
    std::system(
        ("( sleep 0.2; " CAMBER_COMMAND " info 2>/dev/null; echo $? >" + status + " ) | true; sleep 1").c_str());
    for (int i = 0; i < 100 && (!fs::exists(status) || fs::is_empty(status)); ++i) usleep(100'000);
    CHECK(read_text(status) == "1\n");
}

TEST_CASE("predict refuses what it cannot read before it writes") {
    Scenes s;
    REQUIRE(s.train({"--epochs", "1"}).exit_code == 0);
    const std::string checkpoint = (s.run / "best.safetensors").string(), out = (s.folder / "out").string();
    check_error(run_camber({"predict", "--checkpoint", checkpoint, "--out", out, (s.folder / "nowhere").string()}), 1,
                {"nowhere"});
    fs::create_directory(s.folder / "empty");
    check_error(run_camber({"predict", "--checkpoint", checkpoint, "--out", out, (s.folder / "empty").string()}), 1,
                {"empty"});
    CHECK_FALSE(fs::exists(out));
    check_error(run_camber({"predict", "--checkpoint", checkpoint, "--out", out, (s.data / "train.txt").string()}), 1,
                {"train.txt"});
}
