#include "train/pretrained.h"

#include <camber/checkpoint.h>
#include <fmt/format.h>

#include <algorithm>

namespace camber {

Normalisation input_normalisation(const nets::Preprocessing& p) {
    // (255 v * scale - mean) / std = (v - mean / (255 scale)) / (std / (255 scale)) for v in [0, 1].
    Normalisation result;
    for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t from = p.order == nets::ChannelOrder::bgr ? 2 - c : c;
        result.mean[c] = static_cast<float>(p.mean[from] / (255 * p.scale));
        result.std[c] = static_cast<float>(p.std[from] / (255 * p.scale));
    }
    return result;
}

bool wants_bgr_turned(const nets::Net& net, const WeightFile& file) {
    return net.preprocessing().order == nets::ChannelOrder::bgr && !file.from_camber() &&
           file.format() != WeightFormat::onnx;  // our own, which take RGB
}

void assume_input(const WeightFile& file, const std::string& net, nlohmann::json& net_options) {
    if (net_options.contains("input") || file.format() != WeightFormat::keras || !file.note().empty()) return;
    if (!nets::make_net(net, net_options)->original().names_layers) net_options["input"] = "unit";
}

void refuse_classifier(const nets::Net& net) {
    if (net.task() != nets::Task::classification) return;
    std::vector<std::string> others;
    for (const nets::NetInfo& info : nets::net_list()) {
        if (info.make(nlohmann::json::object())->task() == nets::Task::segmentation) others.push_back(info.name);
    }
    fail_usage("{} is a classifier, which gives a picture one class; the networks that segment are {}", net.name(),
               fmt::join(others, ", "));
}

namespace {

/// Of several sets in a file, as the end of a line.
std::string taken(const ImportReport& report) {
    const std::string set = report.taken_set();
    return set.empty() ? set : "; " + set;
}

}  // namespace

std::string load_encoder_weights(nets::Net& net, const std::string& file, const std::string& prefix) {
    ImportOptions options;
    options.prefix = prefix;
    options.encoder_only = true;
    options.encoder_paths = net.encoder_paths();
    if (options.encoder_paths.empty()) fail_usage("--encoder-weights: {} has no encoder of its own", net.name());
    const auto weights = WeightFile::open(file);
    name_what_fits(*weights, net.name(), net.options(), options);
    options.bgr_input = wants_bgr_turned(net, *weights);
    const ImportReport report = import_weights(*weights, net, options);
    if (!report.missing.empty() || !report.wrong_shape.empty()) {
        fail("{} does not fill the encoder of {}: {}", file, net.name(),
             report.missing.empty()
                 ? fmt::format("{} is {} there", report.wrong_shape[0].source, report.wrong_shape[0].source_shape)
                 : fmt::format("it has nothing for {}", report.missing[0]));
    }
    return fmt::format("the encoder starts from {} ({} tensors, names as in {}), the rest anew{}", file,
                       report.matched.size(), report.from, taken(report));
}

void leave_classes_to_data(TrainConfig& config) {
    if (config.net_options.contains("classes") && config.net_options["classes"] != 1)
        config.net_options.erase("classes");
}

bool take_network(TrainConfig& config) {
    if (!WeightFile::open(config.weights)->from_camber()) return false;
    const TrainConfig theirs = train_config(CheckpointFile::open(config.weights).info().config);
    config.net = theirs.net;
    config.net_options = theirs.net_options;
    leave_classes_to_data(config);
    config.height = theirs.height;
    config.width = theirs.width;
    config.val_height = theirs.val_height;
    config.val_width = theirs.val_width;
    return true;
}

void take_net_options(TrainConfig& config, const nlohmann::json& given) {
    const auto file = WeightFile::open(config.weights);
    const ImportOptions options{.prefix = config.prefix};
    FittedOptions fitted = fitted_options(*file, config.net, config.net_options, options);
    if (!fitted.fits) fitted = fitted_options(*file, config.net, given, options);
    if (!fitted.fits) name_what_fits(*file, config.net, given, options);
    config.net_options = fitted.options;
    if (!given.contains("classes")) config.net_options.erase("classes");  // the data's
    assume_input(*file, config.net, config.net_options);
}

std::string load_network_weights(nets::Net& net, const std::string& file_name, const std::string& prefix) {
    const auto file = WeightFile::open(file_name);
    const ImportReport report =
        import_weights(*file, net, {.prefix = prefix, .bgr_input = wants_bgr_turned(net, *file)});
    std::string line = fmt::format("training starts from {} ({} tensors, names as in {})", file_name,
                                   report.matched.size(), report.from);
    std::vector<std::string> anew = report.missing;
    for (const auto& wrong : report.wrong_shape) anew.push_back(wrong.target);
    if (!anew.empty()) {
        line += fmt::format("; {} of the network's tensors start anew: {}{}", anew.size(), anew[0],
                            anew.size() > 1 ? ", ..." : "");
    }
    if (!report.unexpected.empty()) line += fmt::format("; {} of the file's have no place", report.unexpected.size());
    line += taken(report);
    if (!file->from_camber()) line += fmt::format("; it takes {}", nets::describe(net.preprocessing()));
    return line;
}

void freeze_encoder(nets::Net& net, bool frozen, bool batch_norms_too) {
    const std::vector<std::string> paths = net.encoder_paths();
    if (paths.empty()) {
        if (frozen) fail_usage("--freeze-encoder: {} has no encoder of its own", net.name());
        return;
    }
    for (auto& [path, module] : net.named_modules()) {
        if (std::find(paths.begin(), paths.end(), path) == paths.end()) continue;
        module->set_trainable(true);
        if (frozen) module->set_trainable(false, batch_norms_too);
    }
}

}  // namespace camber
