// How runs begin, end, go on and keep out of each other's way.
#include <camber/checkpoint.h>
#include <camber/class_table.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>

#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <utility>

#include "cli/check_error.h"
#include "cli/scenes.h"
#include "support/weights.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

struct Scenes {
    TemporaryFolder folder;
    fs::path data = folder / "data", run = folder / "run";
    Scenes() { write_scenes(data); }
    CommandResult train(std::vector<std::string> more = {}, const CommandLimits& limits = {}) const {
        return run_camber(train_arguments(data, run, std::move(more)), limits);
    }
    CommandResult resume(std::vector<std::string> more = {}) const {
        more.insert(more.begin(), {"train", "--resume", "--out", run.string()});
        return run_camber(more);
    }
    std::vector<std::string> lines() const {
        std::vector<std::string> lines;
        std::istringstream text(read_text(run / "metrics.jsonl"));
        for (std::string line; std::getline(text, line);) lines.push_back(line);
        return lines;
    }
    std::vector<double> rates() const {
        std::vector<double> rates;
        for (const std::string& line : lines()) rates.push_back(nlohmann::json::parse(line).at("lr"));
        return rates;
    }
};

}  // namespace

TEST_CASE("--schedule step multiplies the rate after every so many epochs, and every third of a run unless told") {
    const Scenes s;
    SUBCASE("as told") {
        REQUIRE(s.train({"--schedule", "step", "--lr-step-size", "1", "--lr-gamma", "0.5", "--lr", "0.01"}).exit_code ==
                0);
        const std::vector<double> rates = s.rates();
        REQUIRE(rates.size() == 3);
        CHECK(rates[0] == doctest::Approx(0.005));  // of the step after the epoch
        CHECK(rates[2] == doctest::Approx(0.00125));
    }
    SUBCASE("by itself") {
        REQUIRE(s.train({"--schedule", "step", "--lr", "0.01", "--epochs", "5"}).exit_code == 0);
        const std::vector<double> rates = s.rates();
        REQUIRE(rates.size() == 5);
        CHECK(rates[0] == 0.01);
        CHECK(rates[1] == doctest::Approx(0.001));
        CHECK(rates[3] == doctest::Approx(0.0001));
        CHECK(nlohmann::json::parse(read_text(s.run / "config.json")).at("lr_step_size") == 2);
    }
    SUBCASE("of no use to others") {
        check_error(s.train({"--lr-step-size", "2"}), 2, {"--lr-step-size", "one_cycle"});
        check_error(s.train({"--schedule", "cosine", "--lr-gamma", "0.5"}), 2, {"--lr-gamma", "cosine"});
        CHECK_FALSE(fs::exists(s.run));
    }
}

TEST_CASE("a run that has ended says so when resumed, and stays as it is") {
    const Scenes s;
    const char* why = nullptr;
    SUBCASE("--stop-at") {
        REQUIRE(s.train({"--stop-at", "0.0001"}).exit_code == 0);
        why = "--stop-at";
    }
    SUBCASE("--patience") {
        REQUIRE(s.train({"--patience", "1", "--lr", "0", "--epochs", "9"}).exit_code == 0);
        CHECK(s.lines().size() < 9);
        why = "--patience";
    }
    SUBCASE("--epochs") {
        REQUIRE(s.train().exit_code == 0);
        why = "3 of 3 epochs";
    }
    const std::string last = read_text(s.run / "last.safetensors"), metrics = read_text(s.run / "metrics.jsonl");
    const CommandResult resumed = s.resume();
    CHECK(resumed.exit_code == 0);
    CHECK(says(resumed.output, "the run has ended"));
    CHECK(says(resumed.output, why));
    CHECK(read_text(s.run / "last.safetensors") == last);
    CHECK(read_text(s.run / "metrics.jsonl") == metrics);
}

TEST_CASE("more epochs on --resume: as if planned so from the start, where the schedule has a meaning for them") {
    const Scenes s;
    SUBCASE("step") {
        const std::vector<std::string> step = {"--schedule", "step", "--lr-step-size", "2"};
        REQUIRE(s.train(step).exit_code == 0);
        REQUIRE(s.resume({"--epochs", "5"}).exit_code == 0);
        CHECK(s.lines().size() == 5);
        std::vector<std::string> whole = train_arguments(s.data, s.folder / "whole", step);
        whole.insert(whole.end(), {"--epochs", "5"});
        REQUIRE(run_camber(whole).exit_code == 0);
        check_equal_weights(s.run / "last.safetensors", s.folder / "whole/last.safetensors");
        CHECK(nlohmann::json::parse(read_text(s.run / "config.json")).at("epochs") == 5);
        check_error(s.resume({"--epochs", "4"}), 2, {"--epochs 4", "5 are begun"});
    }
    SUBCASE("one_cycle") {
        REQUIRE(s.train({"--epochs", "1"}).exit_code == 0);
        check_error(s.resume({"--epochs", "5"}), 2, {"one_cycle", "--epochs 1", "--weights"});
        CHECK(s.resume({"--epochs", "1"}).exit_code == 0);
    }
}

TEST_CASE("--resume keeps --threads") {
    const Scenes s;
    const auto threads = [&] { return nlohmann::json::parse(read_text(s.run / "config.json")).at("threads"); };
    REQUIRE(s.train({"--threads", "1", "--schedule", "constant", "--epochs", "1"}).exit_code == 0);
    REQUIRE(s.resume({"--epochs", "2"}).exit_code == 0);
    CHECK(threads() == 1);
    REQUIRE(s.resume({"--epochs", "3", "--threads", "3"}).exit_code == 0);
    CHECK(threads() == 3);
}

TEST_CASE("a run killed before its first checkpoint is begun anew by --resume, to the same bits, and by a new run") {
    const Scenes s;
    REQUIRE(s.train({"--checkpoint-minutes", "100"}).exit_code == 0);
    fs::rename(s.run, s.folder / "whole");
    // What such a kill leaves: the configuration, a line of metrics, perhaps best.safetensors and half a file.
    fs::create_directories(s.run / "pictures");
    fs::copy_file(s.folder / "whole/config.json", s.run / "config.json");
    write_text(s.run / "metrics.jsonl", "{\"epoch\":0,\"lr\":1}\n{\"epo");
    write_text(s.run / ".lock", "");
    write_text(s.run / ".no_checkpoint_yet", "");
    SUBCASE("resumed") {
        write_text(s.run / "best.safetensors", read_text(s.folder / "whole/best.safetensors"));
        check_error(s.train(), 2, {"already holds a run"});
        const CommandResult resumed = s.resume();
        CHECK(resumed.exit_code == 0);
        CHECK(says(resumed.output, "begins anew"));
    }
    SUBCASE("started") { CHECK(s.train({"--checkpoint-minutes", "100"}).exit_code == 0); }
    CHECK(s.lines().size() == 3);
    check_equal_weights(s.run / "last.safetensors", s.folder / "whole/last.safetensors");
    check_equal_weights(s.run / "best.safetensors", s.folder / "whole/best.safetensors");
}

TEST_CASE("what is left of a run whose last checkpoint was removed is neither begun anew nor written over") {
    const Scenes s;
    REQUIRE(s.train().exit_code == 0);
    CHECK_FALSE(fs::exists(s.run / ".no_checkpoint_yet"));
    fs::remove(s.run / "last.safetensors");
    const std::string best = read_text(s.run / "best.safetensors"), metrics = read_text(s.run / "metrics.jsonl");
    SUBCASE("best and metrics") {
        check_error(s.resume(), 2, {"last.safetensors is not there any more", "--weights", "best.safetensors"});
        check_error(s.train(), 2, {"what is left of a run", "another --out"});
        CHECK(read_text(s.run / "best.safetensors") == best);
    }
    SUBCASE("metrics") {
        fs::remove(s.run / "best.safetensors");
        check_error(s.resume(), 2, {"last.safetensors is not there any more", "put it back"});
        check_error(s.train(), 2, {"what is left of a run", "another --out"});
    }
    SUBCASE("best") {
        fs::remove(s.run / "metrics.jsonl");
        check_error(s.resume(), 2, {"last.safetensors is not there any more", "best.safetensors"});
        write_text(s.run / "metrics.jsonl", metrics);
    }
    CHECK(read_text(s.run / "metrics.jsonl") == metrics);
}

TEST_CASE("a run whose best checkpoint was removed says so when it ends") {
    const Scenes s;
    REQUIRE(s.train().exit_code == 0);
    fs::remove(s.run / "best.safetensors");
    const CommandResult resumed = s.resume();
    CHECK(resumed.exit_code == 0);
    CHECK(says(resumed.output, "best.safetensors is not there any more"));
    CHECK_FALSE(says(resumed.output, "no validation split"));
}

TEST_CASE("a run goes on with the classes that it has learnt alone") {
    const Scenes s;
    REQUIRE(s.train({"--schedule", "constant", "--epochs", "1"}).exit_code == 0);
    const auto resume = [&] { return s.resume({"--epochs", "2", "--data", s.data.string()}); };
    ClassTable classes = camvid11();
    SUBCASE("fewer") {
        write_text(s.data / "classes.json", class_table_json(numbered_classes(2)));
        for (const char* split : {"train", "val"})
            for (const auto& entry : fs::directory_iterator(s.data / (split + std::string("annot"))))
                write_png(entry.path(), Image(64, 96, 1));
        check_error(resume(), 1, {"has learnt 11 classes (camvid11), the data has 2 classes: class 0", "--weights"});
    }
    SUBCASE("others") {
        std::swap(classes.names[0], classes.names[1]);
        write_text(s.data / "classes.json", class_table_json(classes));
        check_error(resume(), 1, {"class 0 is 'Building' in the data, 'Sky' in the network"});
    }
    CHECK(s.lines().size() == 1);
}

TEST_CASE("what has no effect on this data or device is said") {
    const Scenes s;
    const CommandResult trained = s.train({"--epochs", "1", "--learn-void", "--conv", "own", "--device", "cpu"});
    CHECK(trained.exit_code == 0);
    CHECK(says(trained.output, "--learn-void has no effect: void is none of the data's classes"));
    CHECK(says(trained.output, "--conv and --verbose have no effect on cpu"));
    fs::remove(s.data / "val.txt");
    fs::remove_all(s.data / "val");
    fs::remove_all(s.data / "valannot");
    const CommandResult blind =
        run_camber(train_arguments(s.data, s.folder / "blind", {"--epochs", "1", "--patience", "1"}));
    INFO(blind.errors);
    CHECK(blind.exit_code == 0);
    CHECK(says(blind.output, "--stop-at and --patience have no effect: the data has no validation split"));
}

TEST_CASE("--resume says where there is no run") {
    const Scenes s;
    check_error(s.resume(), 2, {"run", "no such folder"});
    fs::create_directory(s.run);
    check_error(s.resume(), 2, {"run", "neither last.safetensors nor config.json"});
    CHECK(fs::is_empty(s.run));
    write_text(s.run / "config.json", "{\"clip\": null}");
    check_error(s.resume(), 1, {"config.json: clip must be a number", "null"});
    write_text(s.run / "config.json", "{");
    check_error(s.resume(), 1, {"config.json: not the configuration of a run: no JSON"});
}

TEST_CASE("what is whole of metrics.jsonl is kept on --resume, and what is not is said and kept beside") {
    const Scenes s;
    REQUIRE(s.train({"--schedule", "constant"}).exit_code == 0);
    const std::vector<std::string> whole = s.lines();
    write_text(s.run / "metrics.jsonl",
               whole[0] + "\n" + whole[1].substr(0, 40) + "\n3\n" + whole[2] + "\n{\"epoch\":3,\"cut sh");
    const std::string before = read_text(s.run / "metrics.jsonl");
    const CommandResult resumed = s.resume({"--epochs", "4"});
    CHECK(resumed.exit_code == 0);
    CHECK(says(resumed.output, "lines 2, 3 cannot be read"));
    CHECK(read_text(s.run / "metrics.jsonl.damaged") == before);
    const std::vector<std::string> after = s.lines();
    REQUIRE(after.size() == 3);
    CHECK(after[0] == whole[0]);
    CHECK(after[1] == whole[2]);
    CHECK(nlohmann::json::parse(after[2]).at("epoch") == 3);
}

TEST_CASE("a disk that takes part of a metrics line is named, and the file is as it was before the line") {
    const Scenes s;
    // A line takes some 3 KB; no checkpoint is saved before the third is half written.
    const CommandResult failed =
        s.train({"--width", "1", "--net-option", "depth=1", "--epochs", "60", "--pictures", "0"},
                {.file_size = 40960, .signal = 0, .delay = {}});
    check_error(failed, 1, {"metrics.jsonl: cannot be written: File too large"});
    for (const std::string& line : s.lines()) CHECK(nlohmann::json::accept(line));
    CHECK(read_text(s.run / "metrics.jsonl").ends_with("}\n"));
}

TEST_CASE("a folder is one run's at a time, and is free again when that was killed") {
    const Scenes s;
    REQUIRE(s.train({"--schedule", "constant", "--epochs", "1"}).exit_code == 0);
    CHECK_FALSE(fs::exists(s.run / ".lock"));
    const int lock = open((s.run / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    REQUIRE(lock >= 0);
    REQUIRE(flock(lock, LOCK_EX | LOCK_NB) == 0);
    check_error(s.resume({"--epochs", "2"}), 1, {"another camber trains in this folder"});
    check_error(s.train(), 1, {"another camber trains in this folder"});
    close(lock);  // as the kernel does for a killed process
    CHECK(s.resume({"--epochs", "2"}).exit_code == 0);
}

TEST_CASE("of two runs that begin in one folder, one goes on and the other is refused") {
    const Scenes s;
    std::thread threads[2];
    const auto command = [&](int i) {
        // Not run_camber(), which counts its runs in one thread.
        return fmt::format("{} {} > {} 2>&1", CAMBER_COMMAND,
                           fmt::join(train_arguments(s.data, s.run, {"--epochs", "40"}), " "),
                           (s.folder / fmt::format("{}.log", i)).string());
    };
    int codes[2] = {};
    for (int i = 0; i < 2; ++i) threads[i] = std::thread([&, i] { codes[i] = std::system(command(i).c_str()); });
    for (std::thread& thread : threads) thread.join();
    CHECK((codes[0] == 0) != (codes[1] == 0));
    CHECK(s.lines().size() == 40);
}

TEST_CASE("folders named by the clock are never shared, and one that nothing came into goes") {
    const Scenes s;
    std::vector<std::string> arguments = train_arguments(s.data, "", {"--epochs", "1"});
    arguments.erase(arguments.begin() + 3, arguments.begin() + 5);  // --out
    REQUIRE(arguments[3] == "--width");
    CommandLimits here;
    here.folder = s.folder.path();
    for (int i = 0; i < 3; ++i) CHECK(run_camber(arguments, here).exit_code == 0);
    CHECK(std::distance(fs::directory_iterator(s.folder / "runs"), {}) == 3);
    fs::remove_all(s.folder / "runs");
    arguments.insert(arguments.end(), {"--size", "33x48"});
    check_error(run_camber(arguments, here), 2, {"33"});
    CHECK_FALSE(fs::exists(s.folder / "runs"));
}

TEST_CASE("a classifier cannot be trained, and the line names what can") {
    const Scenes s;
    for (const char* net : {"resnet34", "keras-vgg16"}) {
        check_error(run_camber({"train", "--net", net, "--data", s.data.string(), "--out", s.run.string()}), 2,
                    {net, "classifier", "unet", "deeplabv3-resnet50"});
    }
    CHECK_FALSE(fs::exists(s.run));
}

TEST_CASE("output that cannot be written is an error of every command") {
    const Scenes s;
    CommandLimits full;
    full.output = "/dev/full";
    REQUIRE(s.train({"--epochs", "1"}).exit_code == 0);
    const std::string checkpoint = (s.run / "best.safetensors").string();
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"--help"},
          {"--version"},
          {"train", "--help"},
          {"info"},
          {"summary"},
          {"summary", "--format", "json"},
          {"data", "info", s.data.string()},
          {"eval", "--checkpoint", checkpoint, "--json"},
          {"eval", "--checkpoint", checkpoint},
          {"export", "--checkpoint", checkpoint, "--out", (s.folder / "e.safetensors").string()},
          {"predict", "--checkpoint", checkpoint, "--out", (s.folder / "out").string(), (s.data / "val").string()}}) {
        CAPTURE(command[0]);
        check_error(run_camber(command, full), 1, {"written"});
    }
}

TEST_CASE("a run on the reference device follows the CPU's") {
    const Scenes s;
    const std::vector<std::string> small = {"--width", "2", "--size", "32x32", "--epochs", "2", "--dropout", "0"};
    std::vector<double> losses[2];
    for (const char* device : {"cpu", "reference"}) {
        std::vector<std::string> more = small;
        more.insert(more.end(), {"--device", device});
        fs::remove_all(s.run);
        const CommandResult trained = s.train(more);
        INFO(trained.errors);
        REQUIRE(trained.exit_code == 0);
        for (const std::string& line : s.lines())
            losses[*device == 'r'].push_back(nlohmann::json::parse(line).at("train").at("loss"));
    }
    REQUIRE(losses[0].size() == losses[1].size());
    for (std::size_t i = 0; i < losses[0].size(); ++i)
        CHECK(losses[1][i] == doctest::Approx(losses[0][i]).epsilon(1e-3));
    CHECK(run_camber({"eval", "--checkpoint", (s.run / "best.safetensors").string()}).exit_code == 0);
}

TEST_CASE("paths and names of any bytes are shown escaped, in a line") {
    const Scenes s;
    const std::string latin = (s.folder / "donn\xe9\x1b[31m\n").string();
    fs::copy(s.data, latin, fs::copy_options::recursive);
    check_error(run_camber(train_arguments(latin, s.run)), 2, {"data must be UTF-8", "donn\\xe9\\x1b[31m\\n"});
    check_error(s.train({"--weights", latin}), 2, {"weights must be UTF-8"});
    check_error(run_camber({"data", "info", latin + "x"}), 1, {"donn\\xe9\\x1b[31m\\nx"});
    check_error(run_camber({"train", "--no\x1b[31m"}), 2, {"--no\\x1b[31m"});
    check_error(s.train({"--net-option", "style=\xe9"}), 2, {"style"});
    check_error(run_camber({"predict", "--checkpoint", latin, "--out", "x", latin}), 1, {"\\xe9"});
    write_text(s.folder / "table.tsv", "layer\ttype\toutput\tparams\tconnections\nin\x1b[31m\tInputLayer\t2\t0\t-\n");
    const std::string audit = run_camber({"summary", "--audit", (s.folder / "table.tsv").string()}).output;
    CHECK(says(audit, "in\\x1b[31m"));
    const CommandResult elsewhere = run_camber(train_arguments(s.data, latin + "run", {"--epochs", "1"}));
    CHECK(elsewhere.exit_code == 0);
    CHECK(says(elsewhere.output, "donn\\xe9\\x1b[31m\\nrun"));
    CHECK_FALSE(says(elsewhere.output, "\x1b[31m"));
}

TEST_CASE("classes that never occur are said, and a split that is all void stops") {
    const Scenes s;
    write_text(s.data / "classes.json", R"({"name": "two", "classes": [{"name": "rest", "colour": [0, 0, 0]},
        {"name": "road", "colour": [255, 0, 0]}], "void": {"id": 255, "name": "void", "colour": [0, 0, 0]}})");
    const auto paint = [&](const char* split, std::uint8_t left) {
        Image ids(64, 96, 1);
        for (int y = 0; y < 64; ++y) std::memset(ids.at(y, 0), 255, 96);
        for (int y = 0; y < 64; ++y) std::memset(ids.at(y, 0), left, 48);
        for (const auto& entry : fs::directory_iterator(s.data / (split + std::string("annot"))))
            write_png(entry.path(), ids);
    };
    paint("val", 0);
    SUBCASE("a class") {
        paint("train", 0);
        const CommandResult trained = s.train({"--epochs", "1"});
        CHECK(trained.exit_code == 0);
        CHECK(says(trained.output, "no pixel of the training split is labelled road"));
        CHECK(says(run_camber({"data", "info", s.data.string()}).output, "no pixel is labelled road"));
    }
    SUBCASE("all of training") {
        paint("train", 255);
        check_error(s.train(), 1, {"every pixel of the split 'train' is void (255)"});
        CHECK_FALSE(fs::exists(s.run));
    }
    SUBCASE("all of validation") {
        paint("train", 0);
        REQUIRE(s.train({"--epochs", "1"}).exit_code == 0);
        paint("val", 255);
        check_error(run_camber({"eval", "--checkpoint", (s.run / "best.safetensors").string()}), 1, {"'val' is void"});
    }
}

TEST_CASE("a dataset with another void id is judged by its own, alike on every device") {
    const Scenes s;
    const auto classes = [&](int void_id) {
        ClassTable table = camvid11();
        table.void_id = void_id;
        write_text(s.data / "classes.json", class_table_json(table));
    };
    const auto repaint = [&](int from, int to) {
        for (const char* split : {"train", "val"}) {
            for (const auto& entry : fs::directory_iterator(s.data / (split + std::string("annot")))) {
                Image ids = read_label(entry.path());
                for (auto& id : ids.data) id = static_cast<std::uint8_t>(id == from ? to : id);
                // Some void in any case.
                std::memset(ids.at(0, 0), to, 96);
                write_png(entry.path(), ids);
            }
        }
    };
    repaint(11, 11);
    REQUIRE(s.train({"--epochs", "1", "--width", "2", "--size", "32x32"}).exit_code == 0);
    std::vector<std::string> devices = {"cpu", "reference"};
    if (says(run_camber({"info"}).output, "emulated   the CUDA kernels")) devices.emplace_back("emulated");
    const auto judge = [&](const std::string& device) {
        const CommandResult judged =
            run_camber({"eval", "--checkpoint", (s.run / "best.safetensors").string(), "--device", device, "--json"});
        INFO(judged.errors);
        REQUIRE(judged.exit_code == 0);
        return nlohmann::json::parse(judged.output);
    };
    const nlohmann::json expected = judge("cpu");
    classes(200);
    repaint(11, 200);
    for (const std::string& device : devices) {
        CAPTURE(device);
        const nlohmann::json found = judge(device);
        CHECK(found.at("loss").get<double>() == doctest::Approx(expected.at("loss").get<double>()).epsilon(1e-4));
        CHECK(found.at("pixels") == expected.at("pixels"));
        CHECK(found.at("mean_iou").get<double>() ==
              doctest::Approx(expected.at("mean_iou").get<double>()).epsilon(0.02));
    }
}

TEST_CASE("a checkpoint that says of its run what no run is has its name in the line") {
    const Scenes s;
    REQUIRE(s.train({"--epochs", "1"}).exit_code == 0);
    const std::string last = (s.run / "last.safetensors").string();
    Checkpoint checkpoint = load_checkpoint(last);
    checkpoint.info.extra["stage"] = "first";
    save_checkpoint(last, checkpoint);
    check_error(s.resume(), 1, {"last.safetensors", "damaged checkpoint"});
    check_error(run_camber({"eval", "--checkpoint", last}), 1, {"last.safetensors", "damaged checkpoint"});
    checkpoint.info.config["stages"] = {{{"lr", 0.1}}, {{"lr", 0.01}}};
    checkpoint.info.extra["stage"] = 2;
    save_checkpoint(last, checkpoint);
    check_error(run_camber({"eval", "--checkpoint", last}), 1, {"2 stages", "number 3"});
}

TEST_CASE("a run is not resumed from weights or averages that are not finite") {
    const Scenes s;
    REQUIRE(s.train({"--epochs", "1", "--schedule", "constant", "--optimizer", "adamw"}).exit_code == 0);
    const fs::path last = s.run / "last.safetensors";
    const Checkpoint sound = load_checkpoint(last);
    for (std::size_t i = 0; i < sound.tensors.size(); i += 9) {
        const NamedTensor& wrong = sound.tensors[i];
        if (wrong.tensor.dtype() != Dtype::f32) continue;
        CAPTURE(wrong.name);
        float& value = *wrong.tensor.data<float>();
        const float before = std::exchange(value, std::numeric_limits<float>::quiet_NaN());
        save_checkpoint(last, sound);
        value = before;
        check_error(s.resume({"--epochs", "2"}), 1, {"last.safetensors: ", "is not finite"});
    }
}
