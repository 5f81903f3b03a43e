#include <camber/checkpoint.h>
#include <camber/class_table.h>
#include <camber/import.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <camber/safetensors.h>
#include <doctest/doctest.h>

#include "cli/check_error.h"
#include "cli/scenes.h"
#include "io/archive.h"
#include "support/errors.h"
#include "support/hdf5.h"

using namespace camber;
using namespace camber::testing;

namespace {

const std::vector<std::string> small_unet = {"--net", "unet", "--width", "4", "--depth", "1", "--classes", "3"};

/// A small U-Net's weights in PyTorch's layout, as export writes them.
void write_weights(const std::filesystem::path& file, std::uint64_t seed) {
    const auto net = nets::make_net("unet", {{"width", 4}, {"depth", 1}, {"classes", 3}});
    const nn::ParameterBuffer memory(*net, {.seed = seed, .gradients = false});
    write_safetensors(file, export_weights(*net));
}

CommandResult import_file(const std::filesystem::path& weights, const std::filesystem::path& out,
                          const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"import", "--weights", weights.string(), "--out", out.string()};
    arguments.insert(arguments.end(), small_unet.begin(), small_unet.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_camber(arguments);
}

}  // namespace

TEST_CASE("import makes a checkpoint, export makes the file again") {
    const TemporaryFolder folder;
    write_weights(folder / "a.safetensors", 7);
    const CommandResult imported = import_file(folder / "a.safetensors", folder / "c.safetensors", {"--strict"});
    INFO(imported.errors);
    REQUIRE(imported.exit_code == 0);
    CHECK(imported.output.find("0 missing, 0 unexpected") != std::string::npos);
    const CommandResult exported = run_camber(
        {"export", "--checkpoint", (folder / "c.safetensors").string(), "--out", (folder / "b.safetensors").string()});
    INFO(exported.errors);
    REQUIRE(exported.exit_code == 0);
    const auto before = WeightFile::open(folder / "a.safetensors"), after = WeightFile::open(folder / "b.safetensors");
    REQUIRE(after->entries().size() == before->entries().size());
    for (const WeightEntry& entry : before->entries()) CHECK(after->read(entry.name) == before->read(entry.name));
    const CommandResult json = import_file(folder / "a.safetensors", folder / "c.safetensors", {"--json"});
    CHECK(nlohmann::json::parse(json.output)["missing"].empty());
}

TEST_CASE("an imported checkpoint is taken by every command with no further option") {
    const TemporaryFolder folder;
    const std::string checkpoint = (folder / "c.safetensors").string(), data = (folder / "data").string();
    write_weights(folder / "a.safetensors", 7);
    REQUIRE(import_file(folder / "a.safetensors", checkpoint, {"--size", "32x48"}).exit_code == 0);
    const auto succeeds = [](const std::vector<std::string>& arguments) {
        const CommandResult result = run_camber(arguments);
        INFO(result.errors);
        CHECK(result.exit_code == 0);
    };
    write_png(folder / "a.png", Image(20, 30, 3));
    succeeds({"predict", "--checkpoint", checkpoint, "--out", (folder / "out").string(), (folder / "a.png").string()});
    CHECK(std::filesystem::exists(folder / "out/a_labels.png"));
    check_error(run_camber({"predict", "--size", "31x48", "--checkpoint", checkpoint, "--out",
                            (folder / "out").string(), (folder / "a.png").string()}),
                2, {"31"});
    check_error(run_camber({"eval", "--checkpoint", checkpoint}), 2, {"c.safetensors", "--data FOLDER"});

    ClassTable three = numbered_classes(3);
    three.names = {"road", "car", "sky"};
    std::filesystem::create_directories(folder / "data/val");
    std::filesystem::create_directories(folder / "data/valannot");
    write_text(folder / "data/classes.json", class_table_json(three));
    write_png(folder / "data/val/a.png", Image(20, 30, 3));
    write_png(folder / "data/valannot/a.png", Image(20, 30, 1));
    succeeds({"eval", "--checkpoint", checkpoint, "--data", data, "--size", "16x16"});
}

TEST_CASE("train --weights takes the network's options from another library's file, as import does") {
    const TemporaryFolder folder;
    write_weights(folder / "a.safetensors", 7);
    write_scenes(folder / "data");
    const std::string run = (folder / "run").string();
    const auto train = [&](const std::vector<std::string>& more) {
        std::vector<std::string> arguments = {"train",
                                              "--weights",
                                              (folder / "a.safetensors").string(),
                                              "--data",
                                              (folder / "data").string(),
                                              "--out",
                                              run,
                                              "--size",
                                              "32x48",
                                              "--batch",
                                              "4",
                                              "--epochs",
                                              "1"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_camber(arguments);
    };
    check_error(train({"--depth", "2"}), 1, {"depth 1, not 2", "leave the option out"});
    check_error(train({"--net", "deeplabv3-resnet50"}), 1, {"does not fit deeplabv3-resnet50", "give --net unet"});
    CHECK_FALSE(std::filesystem::exists(run));
    const CommandResult trained = train({"--dropout", "0.2"});
    INFO(trained.errors);
    REQUIRE(trained.exit_code == 0);
    CHECK(mentions(trained.output + trained.errors, {"training starts from", "start anew: head.weight"}));
    const auto options = nlohmann::json::parse(read_text(run + "/config.json"))["net_options"];
    CHECK(options["width"] == 4);
    CHECK(options["depth"] == 1);
    CHECK(options["dropout"] == 0.2);
    CHECK(options["classes"] == 11);
}

TEST_CASE("import needs no option but the network's name; classes, colours, void and size travel out and in") {
    const TemporaryFolder folder;
    ClassTable table = numbered_classes(3);
    table.names = {"road", "car", "sky"};
    table.colours[1] = {1, 2, 3};
    table.void_id = 200;
    write_text(folder / "classes.json", class_table_json(table));
    write_weights(folder / "a.safetensors", 7);
    const std::string checkpoint = (folder / "c.safetensors").string(), again = (folder / "again.safetensors").string();
    REQUIRE(import_file(folder / "a.safetensors", checkpoint,
                        {"--size", "32x48", "--class-table", (folder / "classes.json").string()})
                .exit_code == 0);
    // And a normalisation of the run's own.
    Checkpoint own = load_checkpoint(checkpoint);
    own.info.config["normalisation"] = {{"mean", {0.25, 0.5, 0.125}}, {"std", {0.5, 0.25, 0.75}}};
    save_checkpoint(checkpoint, own);
    for (const char* name : {"w.safetensors", "w.pth", "w.h5", "w.weights.h5", "w.keras", "w.onnx"}) {
        CAPTURE(name);
        const std::string weights = (folder / name).string();
        const CommandResult exported = run_camber({"export", "--checkpoint", checkpoint, "--out", weights});
        if (mentions(exported.errors, {"libhdf5-dev"}) || mentions(exported.errors, {"libonnx-dev"})) continue;
        INFO(exported.errors);
        REQUIRE(exported.exit_code == 0);
        const CommandResult result = run_camber({"import", "--net", "unet", "--weights", weights, "--out", again});
        INFO(result.errors);
        REQUIRE(result.exit_code == 0);
        const CheckpointInfo before = CheckpointFile::open(checkpoint).info(),
                             after = CheckpointFile::open(again).info();
        CHECK(after.config == before.config);
        CHECK(after.extra.at("classes") == before.extra.at("classes"));
        CHECK(after.extra.at("classes").at("void").at("id") == 200);
        for (const NamedTensor& named : load_checkpoint(again).tensors) {
            const Tensor before_it = SafetensorsFile::open(checkpoint).read(named.name);
            CHECK(named.tensor.to_vector<float>() == before_it.to_vector<float>());
        }
    }
    // And straight from a checkpoint.
    REQUIRE(run_camber({"import", "--net", "unet", "--weights", checkpoint, "--out", again}).exit_code == 0);
    CHECK(CheckpointFile::open(again).info().config.at("height") == 32);
}

TEST_CASE(
    "import says what it takes pixels to be where the file does not; --input, and what it says, travel out and in") {
    const TemporaryFolder folder;
    const std::string checkpoint = (folder / "c.safetensors").string(), again = (folder / "again.safetensors").string(),
                      own = (folder / "a.safetensors").string();
    const auto import = [](const std::string& weights, const std::string& out, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"import", "--net", "unet", "--weights", weights, "--out", out});
        const CommandResult result = run_camber(more);
        INFO(result.errors);
        REQUIRE(result.exit_code == 0);
        return result.output;
    };
    const auto mean_of_red = [](const std::string& file) {
        return CheckpointFile::open(file).info().config.at("normalisation").at("mean").at(0).get<double>();
    };
    write_weights(own, 7);
    CHECK(mentions(import(own, checkpoint), {"assumed are RGB from 0 to 1, less 0.485 0.456 0.406, over",
                                             "as networks that Camber trains take", "--input unit if not"}));
    CHECK(mean_of_red(checkpoint) == doctest::Approx(0.485));
    CHECK_FALSE(mentions(import(own, checkpoint, {"--input", "unit"}), {"pixels"}));
    CHECK(mean_of_red(checkpoint) == 0);
    REQUIRE(run_camber({"export", "--checkpoint", checkpoint, "--out", own}).exit_code == 0);
    CHECK_FALSE(mentions(import(own, again), {"pixels"}));
    CHECK(CheckpointFile::open(again).info().config == CheckpointFile::open(checkpoint).info().config);

    const auto net = nets::make_net("unet", {{"width", 4}, {"depth", 1}, {"classes", 3}});
    const nn::ParameterBuffer memory(*net, {.seed = 7, .gradients = false});
    write_safetensors(own, export_weights(*net), {{"camber", R"({"input": "BGR"})"}});
    check_error(run_camber({"import", "--net", "unet", "--weights", own, "--out", again}), 1,
                {"a.safetensors", "\"input\" is neither original nor unit"});

    if (!has_hdf5()) return;
    const std::string keras = std::string(CAMBER_TEST_FIXTURES) + "/weights/plain_unet.keras";
    CHECK(mentions(import(keras, checkpoint),
                   {"assumed are RGB from 0 to 1, as Keras's plain U-Nets commonly take (--input original if not)"}));
    CHECK(mean_of_red(checkpoint) == 0);
    CHECK_FALSE(mentions(import(keras, checkpoint, {"--input", "original"}), {"pixels"}));
    CHECK(mean_of_red(checkpoint) == doctest::Approx(0.485));
    const std::string weights = (folder / "w.weights.h5").string();
    REQUIRE(run_camber({"export", "--checkpoint", checkpoint, "--out", weights}).exit_code == 0);
    CHECK_FALSE(mentions(import(weights, again), {"pixels"}));
    CHECK(CheckpointFile::open(again).info().config == CheckpointFile::open(checkpoint).info().config);
}

TEST_CASE("export writes what the file's name says, or nothing") {
    const TemporaryFolder folder;
    const std::string checkpoint = (folder / "c.safetensors").string();
    write_weights(folder / "a.safetensors", 7);
    REQUIRE(import_file(folder / "a.safetensors", checkpoint).exit_code == 0);
    for (const char* name : {"w.tflite", "w.bin", "w.pb", "w"}) {
        CAPTURE(name);
        check_error(run_camber({"export", "--checkpoint", checkpoint, "--out", (folder / name).string()}), 2,
                    {name, ".safetensors", ".weights.h5"});
        CHECK_FALSE(std::filesystem::exists(folder / name));
    }
    const std::string before = read_text(checkpoint);
    check_error(run_camber({"export", "--checkpoint", checkpoint, "--out", checkpoint}), 2, {"itself what is read"});
    CHECK(read_text(checkpoint) == before);
}

TEST_CASE("import writes what the file's name says, and never over what it reads") {
    const TemporaryFolder folder;
    const std::filesystem::path weights = folder / "a.safetensors";
    write_weights(weights, 7);
    const std::string before = read_text(weights);
    for (const char* name : {"c.pth", "c.h5", "c.onnx", "c.keras", "c.weights.h5", "c"}) {
        CAPTURE(name);
        check_error(import_file(weights, folder / name), 2, {name, ".safetensors", "camber export"});
        CHECK_FALSE(std::filesystem::exists(folder / name));
    }
    std::filesystem::create_symlink(weights, folder / "link.safetensors");
    std::filesystem::create_hard_link(weights, folder / "hard.safetensors");
    std::filesystem::create_directory_symlink(folder / ".", folder / "same");
    for (const char* name : {"a.safetensors", "link.safetensors", "hard.safetensors", "same/a.safetensors"}) {
        CAPTURE(name);
        check_error(import_file(weights, folder / name), 2, {name, "itself what is read"});
        check_error(import_file(folder / name, weights), 2, {"itself what is read"});
        CHECK(read_text(weights) == before);
    }
    check_error(run_camber({"import", "--net", "smp-unet-resnet34", "--encoder-weights", weights.string(), "--out",
                            weights.string()}),
                2, {"itself what is read"});
    CHECK(read_text(weights) == before);
}

TEST_CASE("predict, eval and export say how to import another library's file, or Camber's own export") {
    const TemporaryFolder folder;
    write_weights(folder / "plain.safetensors", 7);
    REQUIRE(import_file(folder / "plain.safetensors", folder / "c.safetensors").exit_code == 0);
    const std::string own = (folder / "own.safetensors").string(), out = (folder / "out").string();
    REQUIRE(run_camber({"export", "--checkpoint", (folder / "c.safetensors").string(), "--out", own}).exit_code == 0);
    write_png(folder / "p.png", Image(20, 30, 3));
    const std::string fixtures = std::string(CAMBER_TEST_FIXTURES) + "/weights/";
    for (const std::string& file :
         {own, (folder / "plain.safetensors").string(), fixtures + "torch_zip.pth", fixtures + "torch_stream.pth",
          fixtures + "keras2.h5", fixtures + "plain_unet.keras", fixtures + "torch_export.pt2"}) {
        CAPTURE(file);
        const std::string hint = "camber import --net NET --weights " + file;
        check_error(run_camber({"predict", "--checkpoint", file, "--out", out, (folder / "p.png").string()}), 1,
                    {hint.c_str()});
        check_error(run_camber({"eval", "--checkpoint", file}), 1, {hint.c_str()});
        check_error(run_camber({"export", "--checkpoint", file, "--out", out + ".safetensors"}), 1, {hint.c_str()});
    }
}

TEST_CASE("of several sets in a file train takes one by --prefix, as import does, and keeps it in the configuration") {
    const TemporaryFolder folder;
    const std::string sets = (folder / "sets.safetensors").string(), run = (folder / "run").string(),
                      data = (folder / "data").string();
    std::vector<NamedTensor> tensors;
    const auto net = nets::make_net("unet", {{"width", 4}, {"depth", 1}, {"classes", 11}});
    const nn::ParameterBuffer memory(*net, {.seed = 2, .gradients = false});
    for (const NamedTensor& named : export_weights(*net)) {
        tensors.push_back({"teacher." + named.name, named.tensor});
        Tensor other = Tensor::zeros(named.tensor.shape(), Dtype::f32, Device::cpu);
        tensors.push_back({"student." + named.name, other});
    }
    write_safetensors(sets, tensors);
    write_scenes(data);
    const auto train = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"train", "--data", data, "--out", run, "--size", "32x48", "--epochs", "1", "--lr",
                                   "0", "--weights", sets});
        return run_camber(more);
    };
    check_error(train({}), 1, {"student, teacher", "say which, with --prefix student"});
    check_error(train({"--prefix", "judge"}), 2, {"sets.safetensors", "begin with 'judge.'"});
    CHECK_FALSE(std::filesystem::exists(run));
    const CommandResult trained = train({"--prefix", "teacher"});
    INFO(trained.errors);
    REQUIRE(trained.exit_code == 0);
    CHECK(nlohmann::json::parse(read_text(run + "/config.json"))["prefix"] == "teacher");
    const auto checkpoint = WeightFile::open(run + "/last.safetensors"), file = WeightFile::open(sets);
    CHECK(checkpoint->read("model.head.bias") == file->read("teacher.head.bias"));
    CHECK(checkpoint->read("model.encoder.0.bn1.weight") == file->read("teacher.encoder.0.bn1.weight"));
    check_error(run_camber({"train", "--data", data, "--out", run + "2", "--prefix", "teacher"}), 2,
                {"--prefix has no effect without --weights or --encoder-weights"});
    check_error(run_camber({"train", "--data", data, "--out", run + "2", "--weights", run + "/last.safetensors",
                            "--prefix", "teacher"}),
                2, {"last.safetensors", "is a checkpoint of Camber's", "leave --prefix out"});
}

TEST_CASE("import of an encoder says that the rest is random") {
    const TemporaryFolder folder;
    const std::string file = (folder / "a.safetensors").string();
    const auto classifier = nets::make_net("resnet34", {{"width", 4}});
    const nn::ParameterBuffer memory(*classifier, {.gradients = false});
    write_safetensors(file, export_weights(*classifier));
    const CommandResult result = run_camber({"import", "--net", "smp-unet-resnet34", "--width", "4",
                                             "--encoder-weights", file, "--out", (folder / "c.safetensors").string()});
    INFO(result.errors);
    CHECK(result.exit_code == 0);
    CHECK(mentions(result.output, {"the encoder alone is filled", "random initial values", "before it is trained"}));
}

TEST_CASE(
    "a classifier's weights, with its head or without, in the place of a whole network's: said for what they are") {
    const TemporaryFolder folder;
    const std::string whole = (folder / "whole.safetensors").string(), notop = (folder / "notop.safetensors").string();
    const auto import = [&](const char* net, const std::string& weights) {
        return run_camber({"import", "--net", net, "--weights", weights, "--out", (folder / "c.safetensors").string()});
    };
    const auto classifier = nets::make_net("keras-vgg16", {{"width", 4}, {"classes", 5}});
    const nn::ParameterBuffer memory(*classifier, {.gradients = false});
    std::vector<NamedTensor> all = export_weights(*classifier), features;
    std::copy_if(all.begin(), all.end(), std::back_inserter(features),
                 [](const NamedTensor& named) { return named.name.starts_with("block"); });
    REQUIRE(features.size() == 26);
    write_safetensors(whole, all);
    write_safetensors(notop, features);
    CHECK(import("keras-vgg16", whole).exit_code == 0);
    check_error(import("keras-vgg16", notop), 1,
                {"notop.safetensors is of keras-vgg16, a classifier, without its last layers",
                 "--encoder-weights in place of --weights: --net unet-vgg16"});
    for (const std::string& weights : {whole, notop}) {
        CAPTURE(weights);
        check_error(import("unet-vgg16", weights), 1,
                    {"of keras-vgg16, a classifier", "the encoder of unet-vgg16 alone", "--encoder-weights"});
    }
    const CommandResult encoder = run_camber({"import", "--net", "unet-vgg16", "--width", "4", "--encoder-weights",
                                              whole, "--out", (folder / "c.safetensors").string()});
    CHECK(mentions(encoder.output, {"26 matched, 0 missing", "names as in camber"}));
    check_error(import("unet", notop), 1, {"a classifier, without its last layers", "--net unet-vgg16"});
    check_error(import("unet", whole), 1, {"it is of keras-vgg16; give --net keras-vgg16"});
}

TEST_CASE("a network's file given for another is named with its decoder; encoders of another classifier too") {
    const TemporaryFolder folder;
    const std::string file = (folder / "a.safetensors").string(), out = (folder / "c.safetensors").string();
    const auto write = [&](const char* name, const std::string& decoder) {
        const auto net = nets::make_net(name, {{"width", 8}});
        const nn::ParameterBuffer memory(*net, {.gradients = false});
        std::vector<NamedTensor> tensors = export_weights(*net);
        for (NamedTensor& named : tensors)
            if (named.name.starts_with("decoder.")) named.name.replace(0, 8, decoder);
        write_safetensors(file, tensors);
    };
    const auto import = [&](const char* net, const char* what) {
        return run_camber({"import", "--net", net, "--width", "8", what, file, "--out", out});
    };
    write("smp-unet-vgg16", "decoder.");
    for (const char* net : {"smp-unet-vgg16-bn", "smp-unet-resnet34", "vgg16"})
        check_error(import(net, "--weights"), 1, {"it is of smp-unet-vgg16; give --net smp-unet-vgg16"});
    write("smp-unet-vgg16", "decoder.other.");
    const CommandResult other = import("smp-unet-vgg16", "--weights");
    check_error(other, 1, {"it is of another network"});
    CHECK(other.errors.find("classifier") == std::string::npos);
    write("vgg16", "");
    check_error(import("smp-unet-vgg16-bn", "--encoder-weights"), 1,
                {"does not fill the encoder of smp-unet-vgg16-bn", "--net smp-unet-vgg16"});
}

TEST_CASE("import says what its network takes: channels other than RGB, BGR, and whose names a file has") {
    const TemporaryFolder folder;
    const auto write = [&](const char* net, const nlohmann::json& options) {
        const auto made = nets::make_net(net, options);
        const nn::ParameterBuffer memory(*made, {.seed = 1, .gradients = false});
        write_safetensors(folder / "a.safetensors", export_weights(*made));
    };
    const auto import = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"import", "--weights", (folder / "a.safetensors").string(), "--out",
                                   (folder / "c.safetensors").string()});
        const CommandResult result = run_camber(more);
        INFO(result.errors);
        CHECK(result.exit_code == 0);
        return result.output;
    };
    write("unet", {{"width", 4}, {"depth", 1}, {"classes", 3}, {"in_channels", 1}});
    CHECK(mentions(import({"--net", "unet"}), {"pictures of 1 channel\n", "grey values from 0 to 1"}));
    CHECK(CheckpointFile::open(folder / "c.safetensors").info().config["net_options"]["in_channels"] == 1);
    write("unet", {{"width", 4}, {"depth", 1}, {"classes", 3}, {"in_channels", 4}});
    CHECK(mentions(import({"--net", "unet"}), {"pictures of 4 channels\n", "names as in camber"}));
    write("unet-vgg16", {{"width", 4}, {"classes", 3}});
    CHECK(mentions(import({"--net", "unet-vgg16"}), {"names as in camber"}));
    write("smp-unet-resnet34", {{"width", 4}, {"classes", 3}});
    CHECK(mentions(import({"--net", "smp-unet-resnet34"}),
                   {"names as in smp", "assumed are RGB", "weights alone; assumed: nearest-neighbour upsampling",
                    "decoder_interpolation='nearest'"}));
    CHECK(mentions(import({"--net", "smp-unet-resnet34", "--bgr"}),
                   {"assumed are BGR from 0 to 1, less 0.406 0.456 0.485", "as --bgr says"}));
}

TEST_CASE("import says which options it takes for granted because a file of weights has no trace of them") {
    const TemporaryFolder folder;
    const std::string file = (folder / "a.safetensors").string(), out = (folder / "c.safetensors").string();
    const auto net = nets::make_net("dynamic-unet-resnet34", {{"width", 4}, {"classes", 3}});
    const nn::ParameterBuffer memory(*net, {.gradients = false});
    write_safetensors(file, export_weights(*net));
    const auto import = [&](std::vector<std::string> more) {
        more.insert(more.begin(),
                    {"import", "--net", "dynamic-unet-resnet34", "--size", "65x97", "--weights", file, "--out", out});
        const CommandResult result = run_camber(more);
        INFO(result.errors);
        CHECK(result.exit_code == 0);
        return result.output;
    };
    CHECK(mentions(import({}), {"weights alone; assumed: --blur false, --blur-final"}));
    CHECK_FALSE(mentions(import({"--blur", "false", "--blur-final", "true"}), {"weights alone"}));
    REQUIRE(run_camber({"export", "--checkpoint", out, "--out", file}).exit_code == 0);
    CHECK_FALSE(mentions(import({}), {"weights alone"}));  // Camber's own file
}

TEST_CASE("options that leave no trace in weights travel out and in: whose batch normalisation, padding, blur") {
    struct Case {
        const char* net;
        nlohmann::json options;
        std::vector<std::string> flags;
    };
    const Case cases[] = {{"unet",
                           {{"width", 4}, {"depth", 2}},
                           {"--style", "pytorch", "--size-policy", "pad", "--dropout", "0.25", "--size", "30x50"}},
                          {"dynamic-unet-resnet34",
                           {{"width", 4}, {"classes", 3}},
                           {"--blur", "true", "--blur-final", "false", "--size", "65x97"}}};
    for (const Case& c : cases) {
        CAPTURE(c.net);
        const TemporaryFolder folder;
        const auto net = nets::make_net(c.net, c.options);
        const nn::ParameterBuffer memory(*net, {.gradients = false});
        const std::string checkpoint = (folder / "c.safetensors").string(), again = (folder / "b.safetensors").string();
        write_safetensors(folder / "a.safetensors", export_weights(*net));
        const auto import = [&](const std::string& file, const std::string& out, std::vector<std::string> more) {
            more.insert(more.begin(), {"import", "--net", c.net, "--weights", file, "--out", out});
            const CommandResult result = run_camber(more);
            INFO(result.errors);
            REQUIRE(result.exit_code == 0);
            return CheckpointFile::open(out).info().config;
        };
        const nlohmann::json before = import((folder / "a.safetensors").string(), checkpoint, c.flags);
        for (const char* name : {"w.safetensors", "w.pth", "w.onnx"}) {
            CAPTURE(name);
            const std::string weights = (folder / name).string();
            const CommandResult exported = run_camber({"export", "--checkpoint", checkpoint, "--out", weights});
            if (mentions(exported.errors, {"libonnx-dev"})) continue;
            REQUIRE(exported.exit_code == 0);
            CHECK(import(weights, again, {}) == before);
        }
        CHECK(import(checkpoint, again, {}) == before);
        CHECK(import(checkpoint, again, {c.flags[0], c.flags[0] == "--style" ? "keras" : "false"}) != before);
    }
}

TEST_CASE("import refuses a size that the network cannot take") {
    const TemporaryFolder folder;
    write_weights(folder / "a.safetensors", 7);
    const std::filesystem::path out = folder / "c.safetensors";
    check_error(import_file(folder / "a.safetensors", out, {"--size", "65x97"}), 2,
                {"65 high and 97 wide", "multiples of 2"});
    CHECK_FALSE(std::filesystem::exists(out));
    CHECK(import_file(folder / "a.safetensors", out, {"--size", "66x98"}).exit_code == 0);
}

TEST_CASE("a class table with a name twice is refused, and what lacks a name is named") {
    const TemporaryFolder folder;
    const std::string table = (folder / "classes.json").string();
    write_weights(folder / "a.safetensors", 7);
    ClassTable three = numbered_classes(3);
    three.names = {"road", "car", "road"};
    const auto import = [&] {
        return import_file(folder / "a.safetensors", folder / "c.safetensors", {"--class-table", table});
    };
    write_text(table, class_table_json(three));
    check_error(import(), 1, {"classes.json", "classes[0] and classes[2] are both called 'road'"});
    three.names[2] = "sky";
    nlohmann::json whole = nlohmann::json::parse(class_table_json(three));
    nlohmann::json lacks = whole;
    lacks.erase("name");
    write_text(table, lacks.dump());
    check_error(import(), 1, {"classes.json", "the table's 'name' is missing"});
    lacks = whole;
    lacks["classes"][1].erase("name");
    write_text(table, lacks.dump());
    check_error(import(), 1, {"classes.json: classes[1]: its 'name' is missing"});
    lacks = whole;
    lacks["void"].erase("name");
    write_text(table, lacks.dump());
    check_error(import(), 1, {"classes.json: void: its 'name' is missing"});
}

TEST_CASE("imports that cannot be are one line, and leave no file") {
    const TemporaryFolder folder;
    const std::filesystem::path good = folder / "a.safetensors", bad = folder / "bad.pth",
                                out = folder / "out.safetensors";
    write_weights(good, 1);
    check_error(import_file(folder / "none.pth", out), 1, {"none.pth", "No such file"});
    write_text(bad, "these are words");
    check_error(import_file(bad, out), 1, {"bad.pth", "not a file of weights"});
    write_text(bad, read_text(good).substr(0, 3000));
    check_error(import_file(bad, out), 1, {"bad.pth"});
    check_error(import_file(std::filesystem::path(CAMBER_TEST_FIXTURES) / "weights/torch_module.pth", out), 1,
                {"a pickled torch.nn.modules.container.Sequential"});
    check_error(import_file(std::filesystem::path(CAMBER_TEST_FIXTURES) / "weights/torch_zip.pth", out), 1,
                {"none of its 18 tensors fits"});
    check_error(import_file(good, out, {"--from", "caffe"}), 2, {"caffe", "torchvision"});
    check_error(import_file(good, out, {"--from", "keras"}), 2, {"keras"});
    check_error(import_file(good, folder / "no/folder.safetensors"), 1, {"no folder"});
    check_error(run_camber({"import", "--net", "vnet", "--weights", good.string(), "--out", out.string()}), 2,
                {"vnet"});
    check_error(run_camber({"import", "--net", "unet", "--out", out.string()}), 2, {"--weights", "--encoder-weights"});
    check_error(run_camber({"import", "--net", "unet", "--encoder-weights", good.string(), "--out", out.string()}), 2,
                {"no encoder"});
    check_error(run_camber({"import", "--weights", good.string(), "--out", out.string()}), 2, {"--net"});
    check_error(import_file(good, out, {"--in-channels", "4", "--strict"}), 1, {"in_channels 3, not 4"});
    check_error(run_camber({"import", "--net", "unet", "--classes", "5", "--strict", "--weights", good.string(),
                            "--out", out.string()}),
                1, {"head.weight is [3, 4, 1, 1]", "[5, 4, 1, 1]"});
    check_error(run_camber({"import", "--net", "unet", "--width", "4", "--depth", "2", "--classes", "3", "--weights",
                            good.string(), "--out", out.string()}),
                1, {"depth 1, not 2"});
    check_error(
        run_camber({"import", "--net", "deeplabv3-resnet50", "--weights", good.string(), "--out", out.string()}), 1,
        {"does not fit deeplabv3-resnet50", "--net unet"});
    check_error(run_camber({"export", "--checkpoint", good.string(), "--out", out.string()}), 1,
                {"not a Camber checkpoint"});
    check_error(run_camber({"export", "--checkpoint", bad.string(), "--out", out.string()}), 1, {"bad.pth"});
    CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("names of tensors that are not UTF-8 are shown escaped, and nothing is written where the command fails") {
    const TemporaryFolder folder;
    const std::filesystem::path weights = folder / "a.pth", out = folder / "out.safetensors";
    write_text(weights, zip_archive({{"a/data.pkl", pickled("}" + pickled_text("d\xe9j\xe0\x1b[31m\n") +
                                                            pickled_tensor(4, 0, {4}, {1}) + "s")},
                                     {"a/byteorder", "little"},
                                     {"a/data/0", std::string(16, '\0')}}));
    for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--json"}, {"--partial", "--json"}}) {
        const CommandResult result = import_file(weights, out, more);
        check_error(result, 1, {"a.pth", "d\\ufffdj\\ufffd\\u001b[31m\\n"});
        CHECK(is_utf8(result.errors));
        CHECK(folder.file_count() == 1);
    }
}
