// How a run is steered: files of options, class weights, flips, completion.
#include <camber/checkpoint.h>
#include <camber/train.h>
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "cli/check_error.h"
#include "cli/scenes.h"
#include "support/weights.h"

using namespace camber;
using namespace camber::testing;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Files {
    TemporaryFolder folder;
    fs::path data = folder / "data";
    Files() { write_scenes(data); }
    std::string write(const char* name, const std::string& text) const {
        write_text(folder / name, text);
        return (folder / name).string();
    }
    CommandResult train(const char* run, std::vector<std::string> more) const {
        more.insert(more.begin(), {"train", "--out", (folder / run).string()});
        return run_camber(more);
    }
    json config(const char* run) const { return json::parse(read_text(folder / run / "config.json")); }
    void check_equal(const char* run, const char* expected) const {
        for (const char* file : {"last.safetensors", "best.safetensors"})
            check_equal_weights(folder / run / file, folder / expected / file);
    }
};

CommandResult printed(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"train", "--print-config"});
    return run_camber(arguments);
}

bool has_toml() {
    const TemporaryFolder folder;
    write_text(folder / "x.toml", "");
    return !says(printed({"--config", (folder / "x.toml").string()}).errors, "built without toml++");
}

}  // namespace

TEST_CASE("what --print-config prints is taken by --config, of every preset, and says the same") {
    const Files files;
    for (const TrainPreset& preset : train_presets()) {
        CAPTURE(preset.name);
        const CommandResult first = printed({"--preset", preset.name});
        REQUIRE(first.exit_code == 0);
        CHECK(json::parse(first.output) == to_json(train_preset(preset.name)));
        const std::string file = files.write("c.json", first.output);
        CHECK(printed({"--config", file}).output == first.output);
        CHECK(printed({"--config", file, "--preset", preset.name}).output == first.output);
        const json longer = json::parse(printed({"--config", file, "--lr", "0.5", "--seed", "7"}).output);
        CHECK(longer.at("lr") == 0.5);
        CHECK(longer.at("seed") == 7);
    }
}

TEST_CASE("a run's config.json repeats it to the bit, a run by the clock too") {
    const Files files;
    const std::vector<std::string> small = {"--width",   "4",   "--size", "32x48", "--batch", "2",
                                            "--dropout", "0.2", "--ema",  "0.9",   "--data",  files.data.string()};
    for (const std::vector<std::string>& length : {std::vector<std::string>{"--epochs", "2"}, {"--minutes", "0.05"}}) {
        std::vector<std::string> arguments = small;
        arguments.insert(arguments.end(), length.begin(), length.end());
        const CommandResult trained = files.train("run", arguments);
        REQUIRE_MESSAGE(trained.exit_code == 0, trained.errors);
        const std::string file = (files.folder / "run/config.json").string();
        REQUIRE(files.train("again", {"--config", file}).exit_code == 0);
        files.check_equal("again", "run");
        CHECK(files.config("again") == files.config("run"));
        // Another length is another run.
        CHECK_FALSE(json::parse(printed({"--config", file, "--minutes", "9"}).output).contains("decisions"));
        CHECK(json::parse(printed({"--config", file, "--threads", "1"}).output).contains("decisions") ==
              (length[0] == "--minutes"));
        for (const char* run : {"run", "again"}) fs::remove_all(files.folder / run);
    }
}

TEST_CASE("a run's configuration goes over a preset, and options over it") {
    const Files files;
    const std::string file = files.write("c.json", R"({"preset": "cpu", "lr": 0.25, "schedule": {"kind": "cosine"},
        "net_options": {"width": 8}})");
    const json config = json::parse(printed({"--config", file, "--batch", "3"}).output);
    CHECK(config.at("lr") == 0.25);
    CHECK(config.at("batch") == 3);
    CHECK(config.at("minutes") == 8.0);
    CHECK(config.at("schedule").at("kind") == "cosine");
    CHECK(config.at("net_options") == json{{"width", 8}, {"dropout", 0.0}, {"style", "pytorch"}});
    const json automatic = json::parse(printed({"--config", file, "--batch", "auto"}).output);
    CHECK(automatic.at("batch") == "auto");
    CHECK(json::parse(printed({"--config", files.write("e.json", automatic.dump())}).output).at("batch") == "auto");
    // Without a preset of its own they are all there are.
    const std::string plain = files.write("d.json", R"({"epochs": 5, "net_options": {"width": 8}})");
    CHECK(json::parse(printed({"--config", plain}).output).at("net_options") == json{{"width", 8}});
    CHECK(json::parse(printed({"--config", plain, "--preset", "cpu"}).output).at("minutes") == 0.0);
    // What it says holds in every stage.
    const std::string slow = files.write("e.json", R"({"preset": "fastai-camvid", "lr": 0.125})");
    for (const json& stage : json::parse(printed({"--config", slow}).output).at("stages"))
        CHECK_FALSE(stage.contains("lr"));
}

TEST_CASE("a file of options may spell what the command line spells as one text") {
    const Files files;
    const auto said = [&](const std::string& text) {
        return printed({"--config", files.write("c.json", text)}).output;
    };
    const std::string given = said(R"({"preset": "cpu", "size": "64x96", "val_size": "96x128", "validate_every": 3,
        "loss": "cross_entropy+dice:0.25", "augment": "rotate=5", "stages": []})");
    CHECK(given == printed({"--preset", "cpu", "--size", "64x96", "--val-size", "96x128", "--validate-every", "3",
                            "--loss", "cross_entropy+dice:0.25", "--augment", "rotate=5"})
                       .output);
    CHECK(json::parse(given).at("augment").at("scale_max") == 1.4f);  // the preset's, beside what is given
    CHECK(json::parse(said(R"({"validate_every": "2.5min"})")).at("validate_minutes") == 2.5);
    const json names = json::parse(said(R"({"schedule": "step", "lr_gamma": 0.25, "warmup": 7, "encoder_lr": "0.01,0.1",
        "class_weights": "1, 2"})"));
    CHECK(names.at("schedule").at("kind") == "step");
    CHECK(names.at("schedule").at("gamma") == 0.25);
    CHECK(names.at("schedule").at("warmup_steps") == 7);
    CHECK(names.at("encoder_lr") == json{0.01, 0.1});
    CHECK(names.at("class_weights") == json{1.0, 2.0});
    CHECK(json::parse(said(R"({"cycle_momentum": "0.95,0.85"})")).at("schedule").at("max_momentum") == 0.95);
    for (const json& stage : json::parse(said(R"({"preset": "fastai-camvid", "size": "64x96"})")).at("stages"))
        CHECK_FALSE(stage.contains("height"));
}

TEST_CASE("a flag is given as it is or with a truth value, which holds over a file") {
    const Files files;
    const std::string file = files.write("c.json", R"({"optimizer": "sgd", "nesterov": true, "tensorboard": true,
        "augment": {"enabled": false}})");
    const auto said = [&](std::vector<std::string> flags) {
        flags.insert(flags.begin(), {"--config", file});
        return json::parse(printed(flags).output);
    };
    CHECK(said({}).at("nesterov") == true);
    const json off = said({"--nesterov=false", "--tensorboard=false", "--no-augment=false"});
    CHECK(off.at("nesterov") == false);
    CHECK_FALSE(off.contains("tensorboard"));
    CHECK(off.at("augment").at("enabled") == true);
    for (const char* flag :
         {"--nesterov=maybe", "--tensorboard=99999999999999999999", "--resume=foo", "--print-config=no"})
        check_error(printed({flag}), 2, {"is given as it is, or as ", flag});
    check_error(run_camber({"eval", "--flip=2"}), 2, {"--flip is given as it is"});
}

TEST_CASE("a file of options that is not as it should be is an error that names it") {
    const Files files;
    const auto refused = [&](const std::string& text, std::initializer_list<const char*> parts, int code = 1) {
        check_error(files.train("run", {"--config", files.write("c.json", text)}), code, parts);
        CHECK_FALSE(fs::exists(files.folder / "run"));
    };
    refused(R"({"optimiser": "sgd"})", {"c.json: there is no 'optimiser' (did you mean 'optimizer'?)"});
    refused(R"({"loss": {"dise": 1}})", {"c.json: there is no 'loss.dise' (did you mean 'loss.dice'?)"});
    refused(R"({"lr": "fast"})", {"c.json: lr must be a number of at least 0, not \"fast\""});
    refused(R"({"stages": [{"optimizer": "sgd"}]})", {"c.json: stage 1", "'optimizer'"});
    refused(R"({"minutes": 1, "epochs": 3})", {"c.json", "epochs", "minutes"});
    refused(R"({"schedul": {}})", {"c.json: there is no 'schedul' (did you mean 'schedule'?)"});
    refused(R"({"dice": 1})", {"c.json: there is no 'dice' (did you mean 'loss.dice'?)"});
    refused(R"({"warm-up": 1})", {"c.json: there is no 'warm-up' (did you mean 'warmup'?)"});
    refused(R"({"sizes": "64x64"})", {"c.json: there is no 'sizes' (did you mean 'size'?)"});
    refused(R"({"size": [64, 64]})", {"c.json: size is a text, as the command line has it, not [64,64]"});
    refused(R"({"width": 32})", {"c.json: width and height", "want one another", "net_options"});
    refused(R"({"camber": "0.1.0", "layers": {}})", {"c.json: ", "its options are in config.json"});
    refused(R"({"preset": "fast"})", {"c.json: unknown preset 'fast'", "cpu"});
    refused(R"({"preset": "keras-unett"})", {"c.json: unknown preset 'keras-unett' (did you mean 'keras-unet'?)"});
    refused(R"({"size": "64"})", {"c.json: size '64' is not a size"});
    refused(R"({"size": "64x64", "width": 32})", {"c.json: size and width say the same"});
    refused(R"({"lr_gamma": 0.5, "schedule": {"gamma": 0.1}})", {"c.json: lr_gamma and schedule.gamma say the same"});
    check_error(printed({"--config", files.write("c.yaml", "lr: 1")}), 1, {"c.yaml: ", "not from YAML"});
    check_error(printed({"--config", ""}), 2, {"--config is empty"});
    check_error(printed({"--net", "unett"}), 2, {"unett"});
    check_error(printed({"--depth", "99"}), 2, {"depth"});
    check_error(printed({"--preset", "fastai-camvid", "--minutes", "3"}), 2,
                {"--minutes cannot plan a run of several"});
    refused(R"({"preset": 3})", {"c.json: preset must be text"});
    refused("{\"lr\": 1,\n\"lr\": 2}", {"c.json", "twice"});
    refused("[]", {"c.json must be a JSON object"});
    refused("{}", {"--data is missing"}, 2);
    refused(R"({"decisions": [{"step": 1}], "minutes": 1, "data": ")" + files.data.string() + "\"}", {"decision 1"});
    check_error(files.train("run", {"--config", (files.folder / "none.json").string()}), 1, {"none.json"});
    check_error(run_camber({"train", "--resume", "--out", "x", "--config", "c.json"}), 2, {"--config cannot change"});
}

TEST_CASE("options in TOML are those in JSON, and the line of what is wrong is named") {
    const Files files;
    if (!has_toml()) return;
    const std::string toml = files.write("c.toml", R"(
preset = "cpu"   # then what differs
lr = 1
encoder_lr = [0.5, 1]
class_weights = [1, 0.5]
[schedule]
kind = "polynomial"
power = 2.0
[net_options]
width = 8
)");
    const std::string same = files.write("c.json", R"({"preset": "cpu", "lr": 1, "encoder_lr": [0.5, 1],
        "class_weights": [1, 0.5], "schedule": {"kind": "polynomial", "power": 2.0}, "net_options": {"width": 8}})");
    CHECK(printed({"--config", toml}).output == printed({"--config", same}).output);
    CHECK(json::parse(printed({"--config", toml}).output).at("class_weights") == json{1.0, 0.5});
    const auto refused = [&](const std::string& text, std::initializer_list<const char*> parts) {
        check_error(files.train("run", {"--config", files.write("d.toml", text)}), 1, parts);
    };
    refused("lr = 1\n\nbacth = 3\n", {"d.toml line 3: there is no 'bacth' (did you mean 'batch'?)"});
    refused("[loss]\n# soft\ndise = 1\n", {"d.toml line 3: there is no 'loss.dise' (did you mean 'loss.dice'?)"});
    refused("lr = 1\nbatch = 0\n", {"d.toml line 2: batch must be a whole number of at least 1, not 0"});
    refused("lr = nan\n", {"d.toml line 1: lr must be"});
    refused("lr = 1\nlr = 2\n", {"d.toml line 2", "no TOML"});
    refused("data = 2026-01-01\n", {"d.toml line 1", "date"});
    refused("lr = \n", {"d.toml line 1", "no TOML"});
    refused("loss = 1.5\n", {"d.toml line 1: loss unknown term '1.5'"});
    refused("\nloss = \"dise\"\n", {"d.toml line 2: loss unknown term 'dise'"});
    // toml++ asserts or is undefined on these; a tilde stands for itself.
    refused("[[\x1f)x]]\n", {"d.toml is no TOML"});
    refused("lr = 1\ngröße = 2\n", {"d.toml line 2", "letters beyond ASCII stand in quotes"});
    refused("\"größe\" = 2\n", {"d.toml line 1: there is no 'größe'"});
    const std::string named = files.write("e.toml", "# größe\ndata = \"/größe~7e/~~\"\n");
    CHECK(json::parse(printed({"--config", named}).output).at("data") == "/größe~7e/~~");
}

TEST_CASE("class weights are given as numbers or in a file, one a class") {
    const Files files;
    const auto weights = [&](const std::string& given) {
        return json::parse(printed({"--class-weights", given}).output).at("class_weights");
    };
    CHECK(weights("median") == "median");
    for (const char* list : {"1,2,0.5", "1, 2, 0.5", "[1, 2, 0.5]", "1 2 0.5"})
        CHECK(weights(list) == json{1.0, 2.0, 0.5});
    for (const char* gap : {"1,,2", "1,2,", ",1", "[1, ,2]"})
        check_error(printed({"--class-weights", gap}), 2, {"--class-weights", "lacks a number in '"});
    check_error(printed({"--class-weights", "0,0,0"}), 2, {"--class-weights are all 0"});
    check_error(printed({"--class-weights", "1,1e30"}), 2, {"--class-weights", "from 0 to 1000000, not '1e30'"});
    CHECK(weights(files.write("w.json", "[1, 2,\n 0.5]\n")) == json{1.0, 2.0, 0.5});
    CHECK(weights(files.write("w.txt", "1\n2\n0.5\n")) == json{1.0, 2.0, 0.5});
    check_error(printed({"--class-weights", "1,-2"}), 2,
                {"--class-weights", "must be a number from 0 to 1000000, not '-2'"});
    check_error(printed({"--class-weights", "heavy"}), 2, {"--class-weights", "none, median or sqrt", "heavy"});
    check_error(printed({"--class-weights", files.write("x.txt", "1 two")}), 2, {"x.txt: number 2 must be", "'two'"});
    check_error(printed({"--class-weights", files.write("y.txt", "\n")}), 2, {"y.txt has no numbers"});
    check_error(run_camber(train_arguments(files.data, files.folder / "run", {"--class-weights", "1,2"})), 2,
                {"--class-weights has 2 numbers", "11 classes"});
    const std::string eleven = "1,2,3,1,1,1,1,1,1,1,0";
    REQUIRE(run_camber(train_arguments(files.data, files.folder / "run", {"--class-weights", eleven})).exit_code == 0);
    const CheckpointInfo info = CheckpointFile::open(files.folder / "run/last.safetensors").info();
    CHECK(info.extra.at("class_weights") == json{1, 2, 3, 1, 1, 1, 1, 1, 1, 1, 0});
    CHECK(run_camber({"eval", "--checkpoint", (files.folder / "run/best.safetensors").string()}).exit_code == 0);
}

TEST_CASE("eval --flip judges pictures and mirrored ones alike") {
    const Files files;
    // At the frames' own size: labels are not resized then, which takes the left one of two neighbours.
    REQUIRE(run_camber(train_arguments(files.data, files.folder / "run", {"--size", "64x96"})).exit_code == 0);
    const std::string checkpoint = (files.folder / "run/best.safetensors").string();
    const auto judged = [&](const fs::path& data, std::vector<std::string> more) {
        more.insert(more.begin(), {"eval", "--json", "--checkpoint", checkpoint, "--data", data.string()});
        const CommandResult result = run_camber(more);
        REQUIRE_MESSAGE(result.exit_code == 0, result.errors);
        return json::parse(result.output);
    };
    fs::copy(files.data, files.folder / "mirrored", fs::copy_options::recursive);
    for (const char* split : {"val", "valannot"}) {
        for (const auto& entry : fs::directory_iterator(files.folder / "mirrored" / split)) {
            const bool labels = split[3] != 0;
            Image image = labels ? read_label(entry.path()) : read_image(entry.path());
            const Image before = image;
            for (int y = 0; y < image.height; ++y)
                for (int x = 0; x < image.width; ++x)
                    std::memcpy(image.at(y, x), before.at(y, image.width - 1 - x),
                                static_cast<std::size_t>(image.channels));
            write_png(entry.path(), image);
        }
    }
    const json plain = judged(files.data, {}), plain_mirrored = judged(files.folder / "mirrored", {});
    const json flipped = judged(files.data, {"--flip"}),
               flipped_mirrored = judged(files.folder / "mirrored", {"--flip"});
    CHECK(std::abs(plain.at("loss").get<double>() - plain_mirrored.at("loss").get<double>()) > 1e-4);
    CHECK(flipped.at("loss").get<double>() == doctest::Approx(flipped_mirrored.at("loss").get<double>()).epsilon(1e-5));
    CHECK(flipped.at("mean_iou").get<double>() ==
          doctest::Approx(flipped_mirrored.at("mean_iou").get<double>()).epsilon(1e-3));
    // The mean of probabilities is no worse than the mean of the losses: the logarithm is concave.
    CHECK(flipped.at("loss").get<double>() <
          (plain.at("loss").get<double>() + plain_mirrored.at("loss").get<double>()) / 2 + 1e-6);
    CHECK(flipped.at("loss") != plain.at("loss"));
    CHECK(flipped.at("protocol").at("test_time_augmentation") == "flip");
    CHECK(plain.at("protocol").at("test_time_augmentation").is_null());
    const CommandResult said = run_camber({"eval", "--flip", "--checkpoint", checkpoint});
    CHECK(says(said.output, "Test-time augmentation: the mean of a frame and of its mirror image\n"));
    const CommandResult scaled = run_camber({"eval", "--scales", "0.5,1", "--checkpoint", checkpoint});
    CHECK(says(scaled.output, "Test-time augmentation: the mean over scales 0.5, 1\n"));
    const CommandResult both = run_camber({"eval", "--scales", "0.5,1", "--flip", "--checkpoint", checkpoint});
    CHECK(says(both.output, "Test-time augmentation: the mean over scales 0.5, 1, each with its mirror image\n"));
}

TEST_CASE("validation is asked for by epochs or minutes") {
    const auto config = [](const char* given) { return json::parse(printed({"--validate-every", given}).output); };
    CHECK(config("3").at("validate_epochs") == 3);
    CHECK(config("2.5min").at("validate_minutes") == 2.5);
    CHECK_FALSE(config("2.5min").contains("validate_epochs"));
    for (const char* wrong : {"0", "-1", "min", "0min", "2h", "1.5", "x", "nanmin"})
        check_error(printed({"--validate-every", wrong}), 2,
                    {"--validate-every", "epochs, as 2, or minutes, as 5min", wrong});
}

TEST_CASE("completion knows every option of every subcommand, and its choices") {
    for (const char* shell : {"bash", "zsh", "fish"}) {
        CAPTURE(shell);
        const CommandResult result = run_camber({"completion", shell});
        REQUIRE(result.exit_code == 0);
        const bool fish = std::string(shell) == "fish";
        for (const char* part : {"lr-step-size", "validate-every", "checkpoint", "print-config", "one_cycle",
                                 "fastai-camvid", "deeplabv3-resnet50", "data synth"})
            CHECK_MESSAGE(says(result.output, part), part);
        CHECK(says(result.output, fish ? "-l flip" : "--flip"));
    }
    check_error(run_camber({"completion", "tcsh"}), 2, {"tcsh", "bash, zsh or fish"});
    check_error(run_camber({"completion"}), 2, {"SHELL"});
}

TEST_CASE("bash completes subcommands, options and choices") {
    if (std::system("command -v bash >/dev/null") != 0) return;
    const TemporaryFolder folder;
    const std::string script = (folder / "camber").string();
    write_text(script, run_camber({"completion", "bash"}).output);
    const auto completed = [&](const std::string& words) {
        const std::string out = (folder / "out").string();
        write_text(folder / "try.sh", ". " + script + "\nCOMP_WORDS=(" + words +
                                          ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n" +
                                          "_camber\necho \"${COMPREPLY[@]}\"\n");
        REQUIRE(std::system(("bash -eu " + (folder / "try.sh").string() + " >" + out).c_str()) == 0);
        return read_text(out);
    };
    CHECK(completed("camber tr") == "train\n");
    CHECK(completed("camber data s") == "synth\n");
    CHECK(completed("camber train --optimizer ad") == "adam adamw\n");
    CHECK(completed("camber train --data x --schedule co") == "constant cosine\n");
    CHECK(says(completed("camber train --check"), "--checkpoint-every"));
    CHECK(completed("camber eval --fl") == "--flip\n");
    CHECK(completed("camber train --preset = cp") == "cpu\n");  // split as bash does
    CHECK(says(completed("camber train --preset ="), "cpu"));
    CHECK(completed("camber train --batch ''") == "auto\n");
    CHECK(completed("camber train --config ''") == "\n");  // a file's name
    CHECK(completed("camber predict pic") == "\n");
}

TEST_CASE("every help has an example") {
    for (const std::vector<std::string>& command : {std::vector<std::string>{},
                                                    {"train"},
                                                    {"eval"},
                                                    {"predict"},
                                                    {"report"},
                                                    {"lr-find"},
                                                    {"summary"},
                                                    {"import"},
                                                    {"export"},
                                                    {"info"},
                                                    {"completion"},
                                                    {"bench"},
                                                    {"bench", "kernels"},
                                                    {"bench", "primitives"},
                                                    {"data"},
                                                    {"data", "info"},
                                                    {"data", "synth"},
                                                    {"data", "preview"},
                                                    {"data", "convert"}}) {
        std::vector<std::string> help = command;
        help.emplace_back("--help");
        const std::string text = run_camber(help).output;
        std::string name = "camber";
        for (const std::string& word : command) name += " " + word;
        CAPTURE(name);
        const std::size_t example = text.find("Example:\n  " + name);
        CHECK(example != std::string::npos);
    }
}
