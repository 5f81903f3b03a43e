#include <camber/checkpoint.h>
#include <camber/import.h>
#include <camber/nets.h>
#include <camber/train.h>

#include <algorithm>
#include <map>
#include <optional>

#include "cli/commands.h"
#include "cli/description.h"
#include "cli/options.h"
#include "cli/output_file.h"
#include "data/class_file.h"
#include "train/plan.h"
#include "train/pretrained.h"

namespace camber::cli {
namespace {

struct Arguments {
    std::string net, weights, encoder_weights, out, size, from = "auto", prefix, class_table;
    std::map<std::string, std::string> net_options;
    std::uint64_t seed = 1;
    bool strict = false, partial = false, bgr = false, json = false;
};

/// What to call the classes of a network of `channels`: as in the table that is given, or as the weights' file says.
/// One channel tells two classes apart.
ClassTable classes_for(int channels, const std::string& file, const Description& described) {
    const int count = channels == 1 ? 2 : channels;
    if (!file.empty()) {
        ClassTable table = read_class_file(file).table;
        if (table.count() != count) {
            fail_usage("{} has {} classes, the network {}{}", file, table.count(), count,
                       channels == 1 ? ", told apart by its one channel" : "");
        }
        return table;
    }
    if (described.classes && described.classes->count() == count) return *described.classes;
    return count == camvid11().count() ? camvid11() : numbered_classes(count);
}

/// Whether a network has the option that says what its pixels are.
bool has_input_option(const std::string& net) {
    const auto& options = nets::net_info(net).options;
    return std::any_of(options.begin(), options.end(), [](const nets::NetOption& o) { return o.name == "input"; });
}

/// The network's pixels, unless they were given: as the file says, or as such files commonly have them.
void set_input(const WeightFile& file, const Description& said, TrainConfig& config) {
    if (config.net_options.contains("input") || !has_input_option(config.net)) return;
    if (said.input) config.net_options["input"] = *said.input;
    assume_input(file, config.net, config.net_options);
}

/// The options that only the note of an export says.
void take_untraced(const WeightFile& file, const Description& said, const nlohmann::json& given, TrainConfig& config) {
    if (said.net != config.net) return;
    try {
        config.net_options = with_untraced(config.net, config.net_options, said.net_options, given);
    } catch (const UsageError& error) {
        fail("{} (what Camber noted in it): {}", file.file().string(), error.what());
    }
}

/// The pixels that a file's network takes, whose first convolution is turned round where they are BGR.
std::string pixels_of(const nets::Net& net, bool bgr) {
    nets::Preprocessing pixels = net.preprocessing();
    if (bgr && pixels.order == nets::ChannelOrder::rgb) {
        pixels.order = nets::ChannelOrder::bgr;
        std::reverse(pixels.mean.begin(), pixels.mean.end());
        std::reverse(pixels.std.begin(), pixels.std.end());
    }
    std::string text = nets::describe(pixels);
    constexpr std::size_t colours = 3;  // "RGB"
    if (net.in_channels() == 1) text.replace(0, colours, "grey values");
    if (net.in_channels() > 3) text.replace(0, colours, fmt::format("{} channels", net.in_channels()));
    return text;
}

/// What became of a network's tensors that an encoder's file has nothing for.
std::string encoder_alone(const nets::Net& net, const ImportReport& report) {
    const std::size_t all = net.named_parameters().size() + net.named_buffers().size();
    return fmt::format(
        "  the encoder alone is filled: the network's other {} tensors have random initial values, so it predicts "
        "nothing of use before it is trained (train --weights)\n",
        all - report.matched.size());
}

/// What the pixels are taken to be where nothing says it.
std::string assumption(const nets::Net& net, bool bgr) {
    const nlohmann::json options = net.options();
    const bool unit = options.contains("input") && options.at("input") == "unit";
    const char* like = unit                          ? "Keras's plain U-Nets commonly take"
                       : net.original().names_layers ? "the network's original takes"
                                                     : "networks that Camber trains take";
    std::string text = fmt::format("  the file does not say what pixels its network takes: assumed are {}, as {}",
                                   pixels_of(net, bgr), bgr ? "--bgr says" : like);
    if (options.contains("input")) text += fmt::format(" (--input {} if not)", unit ? "original" : "unit");
    return text + "\n";
}

/// What the layers between the weights are taken to be where nothing says it. `given`: options of the network.
std::string layers_assumption(const WeightFile& file, const nets::Net& net, const nlohmann::json& given) {
    const std::string layers = assumed_layers(file, net);
    const std::string options = untraced_options(file, net, given);
    if (!options.empty()) return fmt::format("  the file has weights alone; assumed: {}\n", options);
    if (layers.empty()) return {};
    return fmt::format(
        "  the file has weights alone: between them are assumed {}'s layers, {}; a .keras file says its "
        "own\n",
        net.name(), layers);
}

int run_import(const Arguments& a) {
    if (a.weights.empty() == a.encoder_weights.empty()) {
        fail_usage("give --weights FILE for a whole network, or --encoder-weights FILE for its encoder alone");
    }
    if (std::filesystem::path(a.out).extension() != ".safetensors") {
        fail_usage(
            "cannot write {}: import writes a checkpoint of Camber's, whose name ends in .safetensors; `camber export` "
            "makes files for PyTorch and Keras of it",
            a.out);
    }
    for (const std::string& read : {a.weights, a.encoder_weights, a.class_table}) refuse_to_replace(read, a.out);
    TrainConfig config;
    config.net = a.net;
    config.seed = a.seed;
    if (!a.size.empty()) std::tie(config.height, config.width) = parse_size(a.size);
    set_net_options(config.net_options, a.net_options);
    nets::make_net(config.net, config.net_options);  // what is given is judged before a file is opened
    const nlohmann::json given = config.net_options;
    const auto file = WeightFile::open(a.weights.empty() ? a.encoder_weights : a.weights);
    const Description said = described(*file);
    if (a.size.empty()) {
        config.height = said.height.value_or(config.height);
        config.width = said.width.value_or(config.width);
    }
    config.augment.interpolation = said.interpolation.value_or(config.augment.interpolation);
    ImportOptions options;
    options.from = a.from;
    options.prefix = a.prefix;
    options.encoder_only = a.weights.empty();
    if (!options.encoder_only) {
        const FittedOptions fitted = fitted_options(*file, config.net, config.net_options, options);
        if (!fitted.fits && !a.partial) name_what_fits(*file, config.net, config.net_options, options);
        config.net_options = fitted.options;
        take_untraced(*file, said, given, config);
    } else if (!a.partial) {
        name_what_fits(*file, config.net, config.net_options, options);
    }
    const bool assumed = !config.net_options.contains("input") && file->note().empty() && !file->from_camber() &&
                         !says_unit_pixels(*file);
    set_input(*file, said, config);
    const auto net = nets::make_net(config.net, config.net_options);
    config.net_options = net->options();
    if (!a.size.empty()) check_size(config);

    options.encoder_paths = net->encoder_paths();
    if (options.encoder_only && options.encoder_paths.empty()) {
        fail_usage("{} has no encoder to fill from a classifier; give --weights FILE", a.net);
    }
    options.strict = a.strict;
    options.partial = a.partial;
    options.bgr_input = a.bgr || wants_bgr_turned(*net, *file);
    const bool own_pixels = said.normalisation && !given.contains("input") && !a.bgr && !options.encoder_only;
    config.normalisation = own_pixels ? *said.normalisation : input_normalisation(net->preprocessing());
    const ImportReport report = import_weights(*file, *net, options);
    // What the file has nothing for gets its initial values. A file that has everything needs no second copy.
    std::optional<nn::ParameterBuffer> memory;
    if (options.encoder_only || !report.complete()) {
        memory.emplace(*net, nn::ParameterBufferOptions{.seed = a.seed, .gradients = false});
    }

    Checkpoint checkpoint;
    checkpoint.info.config = to_json(config);
    checkpoint.info.seed = a.seed;
    checkpoint.info.extra["imported"] = {{"file", file->file().filename().string()}, {"from", report.from}};
    constexpr int most_classes = 255;  // label maps are u8; a classifier of more makes none
    if (const int classes = net->classes(); classes <= most_classes) {
        checkpoint.info.extra["classes"] =
            nlohmann::json::parse(class_table_json(classes_for(classes, a.class_table, said)));
    }
    for (const auto& list : {net->named_parameters(), net->named_buffers()}) {
        for (const nn::NamedParameter& named : list) {
            checkpoint.tensors.push_back({"model." + named.name, named.parameter->tensor});
        }
    }
    save_checkpoint(a.out, checkpoint);
    if (a.json) {
        fmt::print("{}\n", to_json(report).dump(2));
    } else {
        const std::string channels = net->in_channels() == 3
                                         ? ""
                                         : fmt::format("  its network takes pictures of {} channel{}\n",
                                                       net->in_channels(), net->in_channels() == 1 ? "" : "s");
        fmt::print("{}: {}{}{}{}{} is written\n", file->file().string(), report.text(), channels,
                   options.encoder_only ? encoder_alone(*net, report) : layers_assumption(*file, *net, given),
                   assumed ? assumption(*net, a.bgr) : "", a.out);
    }
    return 0;
}

}  // namespace

void add_import(CLI::App& app, Action& action) {
    CLI::App* command = app.add_subcommand(
        "import", "Makes a checkpoint from another library's weights (.pth, .h5, .keras, .onnx, safetensors)");
    command->footer("Example:\n  camber import --net smp-unet-resnet34 --weights model.pth --out model.safetensors");
    auto a = std::make_shared<Arguments>();
    command->add_option("--net", a->net, "Network (see camber info)")->required();
    command->add_option("--weights", a->weights, "File with the whole network's weights");
    command->add_option("--encoder-weights", a->encoder_weights,
                        "A classifier's file: its head is left out, the rest fills the network's encoder");
    command->add_option("--out", a->out, "Checkpoint to write (.safetensors)")->required();
    command->add_option(
        "--size", a->size,
        "HEIGHTxWIDTH of the network's input when it is used [as an export of Camber says, or 256x256]");
    std::string sources = "Whose names the file has: auto";
    for (const auto& [name, what] : import_sources()) sources += ", " + name;
    command->add_option("--from", a->from, sources)->capture_default_str();
    command->add_option("--prefix", a->prefix, std::string(prefix_help) + " [an average: ema, params_ema]");
    command->add_flag("--strict", a->strict, "Anything missing, unexpected or of the wrong shape is an error");
    command->add_flag("--partial", a->partial,
                      "Take what fits, though the file fills but a part of the network; the rest starts anew");
    command->add_flag("--bgr", a->bgr,
                      "The file's network wants BGR though its original wants RGB: turn its first convolution round");
    command->add_option("--class-table", a->class_table,
                        "JSON, CSV or text with the classes' names and colours [CamVid's 11]");
    add_number(*command, "--seed", a->seed, at_least(0), "Of the initial values of what the file does not fill")
        ->capture_default_str();
    command->add_flag("--json", a->json, "Print the report, every name in it, as JSON");
    add_net_flags(*command, a->net_options);
    command->callback([a, &action] { action = [a] { return run_import(*a); }; });
}

}  // namespace camber::cli
