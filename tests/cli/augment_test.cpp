// --augment, and what else the published systems' recipes ask for.
#include <camber/checkpoint.h>
#include <camber/train.h>
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/check_error.h"
#include "cli/scenes.h"
#include "support/weights.h"

using namespace camber;
using namespace camber::testing;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// What a run would be asked to do to its frames.
json augment(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"train", "--print-config"});
    const CommandResult result = run_camber(arguments);
    REQUIRE_MESSAGE(result.exit_code == 0, result.errors);
    return json::parse(result.output).at("augment");
}

constexpr const char* everything =
    "none,flip,flip_vertical=0.2,scale=0.5:1.5,aspect,rotate,warp,clahe,blur,emboss=0.3,edges=0.3,sharpen,brightness,"
    "contrast,saturation,hue,lighting,gamma,noise,cutout,interpolation=bilinear,padding=reflection,affine_probability="
    "0.75,lighting_probability=0.5,scale_distribution=uniform,filters_together";

}  // namespace

TEST_CASE("--augment adds to what there is, none begins with nothing, the last of a name holds") {
    const json usual = augment({}), rotated = augment({"--augment", "rotate"});
    json expected = usual;
    expected["rotate"] = 10;
    CHECK(rotated == expected);
    const json flipped = augment({"--augment", "none,flip,flip=0.25,scale=0.5:2"});
    CHECK(flipped.at("flip") == 0.25);
    CHECK(flipped.at("scale_min") == 0.5);
    CHECK(flipped.at("scale_max") == 2);
    for (const char* off : {"brightness", "aspect", "flip_vertical"}) CHECK(flipped.at(off) == 0);
    // How frames are sampled is not random.
    CHECK(augment({"--preset", "fastai-camvid", "--augment", "none"}).at("padding") == "reflection");
    CHECK(augment({"--no-augment"}).at("enabled") == false);
    // In every stage.
    const TemporaryFolder folder;
    write_text(folder / "c.json", R"({"stages": [{"augment": {"flip": 0.125}}, {}]})");
    const CommandResult staged =
        run_camber({"train", "--print-config", "--config", (folder / "c.json").string(), "--augment", "none"});
    CHECK_MESSAGE(staged.output.find("0.125") == std::string::npos, staged.output);
}

TEST_CASE("what --augment does not take is one line with the nearest name") {
    const TemporaryFolder folder;
    const auto refused = [&](const char* text, std::initializer_list<const char*> parts) {
        CAPTURE(text);
        check_error(run_camber({"train", "--data", folder.path().string(), "--augment", text}), 2, parts);
        check_error(run_camber({"data", "preview", folder.path().string(), "--augment", text}), 2, parts);
    };
    refused("rotat=10", {"--augment", "'rotat' is no augmentation (did you mean 'rotate'?)", "flip, flip_vertical"});
    refused("", {"'' is no augmentation"});
    refused("flip,,blur", {"'' is no augmentation"});
    refused("enabled", {"'enabled' is no augmentation"});
    refused("rotate=181", {"--augment", "rotate must be", "180", "'181'"});
    refused("rotate=", {"rotate must be", "''"});
    refused("flip=nan", {"flip must be"});
    refused("warp=0.6", {"warp must be", "0.5"});
    refused("blur=2.5", {"blur must be", "2"});
    refused("scale=2", {"scale must be two numbers, as 0.75:2, not '2'"});
    refused("scale=0:2", {"scale_min must be", "above 0"});
    refused("none=1", {"none takes no value"});
    refused("base_size", {"base_size wants a value, as base_size=VALUE"});
    refused("padding=white", {"padding must be mean, black or reflection, not 'white'"});
    refused("filters_together=yes", {"filters_together must be true or false, not 'yes'"});
    // What is right by itself but not together is said before anything is written.
    write_scenes(folder / "data");
    const auto train = [&](std::vector<std::string> more) {
        const CommandResult result = run_camber(train_arguments(folder / "data", folder / "run", std::move(more)));
        CHECK_FALSE(fs::exists(folder / "run"));
        return result;
    };
    check_error(train({"--augment", "scale=2:1"}), 2, {"a scale from 2 to 1", "the smaller first"});
    check_error(train({"--augment", "emboss=0.5,edges=0.4,sharpen=0.2"}), 2, {"filters_together"});
    check_error(train({"--augment", "flip", "--no-augment"}), 2, {"--augment has no effect with --no-augment"});
    check_error(train({"--cycle-momentum", "0.85,0.95"}), 2, {"--cycle-momentum", "the larger first"});
    check_error(train({"--cycle-momentum", "0.95,0.85", "--schedule", "cosine"}), 2, {"it is for one_cycle"});
    check_error(train({"--cycle-momentum", "0.95,0.85", "--optimizer", "sgd", "--momentum", "0"}), 2,
                {"--cycle-momentum", "--momentum 0"});
    check_error(train({"--judge-void"}), 2, {"--judge-void has no effect without --learn-void"});
    check_error(train({"--decay-all", "--weight-decay", "0"}), 2, {"--decay-all has no effect with --weight-decay 0"});
    check_error(train({"--val-size", "32"}), 2, {"--val-size"});
}

TEST_CASE("a run with every augmentation and momentum that moves is repeated to the bit by what it printed") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    const std::vector<std::string> more = {
        "--augment", everything, "--cycle-momentum", "0.95,0.85", "--decay-all", "--val-size", "48x64", "--epochs", "2",
        "--threads", "2",        "--preset",         "cpu",       "--aux-lr",    "10"};
    const auto run = [&](const char* name, const std::vector<std::string>& arguments) {
        const CommandResult result = run_camber(arguments);
        REQUIRE_MESSAGE(result.exit_code == 0, result.errors);
        return folder / name;
    };
    const fs::path first = run("first", train_arguments(folder / "data", folder / "first", more));
    const CommandResult printed = [&] {
        std::vector<std::string> arguments = train_arguments(folder / "data", "unused", more);
        arguments.emplace_back("--print-config");
        return run_camber(arguments);
    }();
    REQUIRE_MESSAGE(printed.exit_code == 0, printed.errors);
    write_text(folder / "c.json", printed.output);
    // The same in TOML, to the key.
    const json config = json::parse(printed.output);
    std::string toml, tables;
    for (const auto& [name, value] : config.items()) {
        if (!value.is_object()) {
            if (!(value.is_array() && value.empty())) toml += name + " = " + value.dump() + "\n";
            continue;
        }
        tables += "[" + name + "]\n";
        for (const auto& [key, field] : value.items()) tables += key + " = " + field.dump() + "\n";
    }
    write_text(folder / "c.toml", toml + tables);
    for (const char* file : {"c.json", "c.toml"}) {
        CAPTURE(file);
        const std::string path = (folder / file).string();
        const CommandResult again = run_camber({"train", "--print-config", "--config", path});
        if (again.errors.find("built without toml++") != std::string::npos) continue;
        CHECK_MESSAGE(again.output == printed.output, again.errors);
        const std::string name = std::string("again_") + file;
        const fs::path second =
            run(name.c_str(), {"train", "--config", path, "--threads", "1", "--out", (folder / name).string()});
        for (const char* weights : {"last.safetensors", "best.safetensors"})
            check_equal_weights(second / weights, first / weights);
    }
    // Validation was at its own size, until another is asked for.
    const std::string best = (first / "best.safetensors").string();
    const auto sizes = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"eval", "--checkpoint", best, "--json"});
        const CommandResult result = run_camber(arguments);
        REQUIRE_MESSAGE(result.exit_code == 0, result.errors);
        return json::parse(result.output).at("protocol").at("input_sizes");
    };
    CHECK(sizes({}) == json::parse("[[48, 64]]"));
    CHECK(sizes({"--size", "64x96"}) == json::parse("[[64, 96]]"));
    // It travels out with the weights and comes back in, as the way in which frames are resized does.
    const std::string out = (folder / "out.safetensors").string(), in = (folder / "in.safetensors").string();
    REQUIRE(run_camber({"export", "--checkpoint", best, "--out", out}).exit_code == 0);
    REQUIRE(run_camber({"import", "--net", "unet", "--weights", out, "--out", in}).exit_code == 0);
    const json imported = CheckpointFile::open(in).info().config;
    CHECK(imported.at("height") == 48);
    CHECK(imported.at("width") == 64);
    CHECK(imported.at("augment").at("interpolation") == "bilinear");
}

TEST_CASE("data preview shows frames and label maps as training has them") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    const auto preview = [&](const char* name, std::vector<std::string> more) {
        const std::string out = (folder / name).string();
        more.insert(more.begin(), {"data", "preview", (folder / "data").string(), "--out", out});
        const CommandResult result = run_camber(more);
        REQUIRE_MESSAGE(result.exit_code == 0, result.errors);
        return read_text(folder / name);
    };
    const std::string plain = preview("plain.png", {});
    const std::vector<std::string> turned = {"--augment", "none,rotate=90", "--size", "64x96"};
    CHECK(preview("turned.png", turned) != plain);
    CHECK(preview("again.png", turned) == preview("turned.png", turned));
    std::vector<std::string> other = turned;
    other.insert(other.end(), {"--seed", "2"});
    CHECK(preview("other.png", other) != preview("turned.png", turned));
    for (const char* alone : {"--size", "--seed"})
        check_error(run_camber({"data", "preview", (folder / "data").string(), alone, "64"}), 2,
                    {alone, "has no effect without --augment"});
    check_error(run_camber({"data", "preview", (folder / "data").string(), "--augment", "flip", "--size", "64"}), 2,
                {"HEIGHTxWIDTH"});
}
