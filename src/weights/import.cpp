#include <camber/import.h>
#include <camber/layers.h>
#include <camber/nets.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "io/printable.h"
#include "weights/keras_architecture.h"
#include "weights/keras_layers.h"
#include "weights/plan.h"

namespace camber {
namespace {

/// "3 missing (a, b, ...)", at most `most` names.
std::string named(const std::vector<std::string>& names, std::string_view what, std::size_t most) {
    std::string text = fmt::format("{} {} (", names.size(), what);
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i) {
        text += (i ? ", " : "") + printable(names[i]);
    }
    return text + (names.size() > most ? fmt::format(", and {} more)", names.size() - most) : ")");
}

/// A head for other classes is no trouble but under --strict.
std::vector<std::string> descriptions(const std::vector<ImportReport::WrongShape>& list, bool strict) {
    std::vector<std::string> texts;
    for (const auto& wrong : list) {
        if (wrong.other_classes && !strict) continue;
        texts.push_back(
            fmt::format("{} is {}, {} needs {}", wrong.source, wrong.source_shape, wrong.target, wrong.wanted_shape));
    }
    return texts;
}

/// Every kind of trouble that there is.
std::vector<std::string> troubles(const ImportReport& report, std::size_t most, bool strict) {
    std::vector<std::string> list;
    if (!report.missing.empty()) list.push_back(named(report.missing, "missing", most));
    if (!report.unexpected.empty()) list.push_back(named(report.unexpected, "unexpected", most));
    if (const auto wrong = descriptions(report.wrong_shape, strict); !wrong.empty())
        list.push_back(named(wrong, "of the wrong shape", most));
    return list;
}

/// What the tensors that were left out are, where it is one thing.
std::string left_out_text(const std::vector<std::string>& ignored) {
    const bool counters = std::all_of(ignored.begin(), ignored.end(),
                                      [](const std::string& name) { return name.ends_with("num_batches_tracked"); });
    return counters && !ignored.empty() ? ", PyTorch's counters of batches" : "";
}

/// Carries a plan out. Host tensors are filled where they are, all at once; others one after the other, so that no more
/// than one of them is on the host besides.
void transfer(const WeightFile& file, const std::vector<Transfer>& transfers, const Targets& targets,
              const std::string& reversed) {
    std::vector<Reading> direct;
    for (const Transfer& t : transfers) {
        Tensor& to = targets.by_name.at(t.target).parameter->tensor;
        if (to.device() == Device::meta) to = Tensor::empty(to.shape(), Dtype::f32, Device::cpu);
        if (is_host(to.device())) {
            direct.push_back({t.source, t.to_camber, to.data<float>()});
        } else {
            const Tensor host = Tensor::empty(to.shape(), Dtype::f32, Device::cpu);
            read_transposed(file, std::array{Reading{t.source, t.to_camber, host.data<float>()}});
            to.copy_from(host);
        }
    }
    read_transposed(file, direct);
    for (const Transfer& t : transfers) {
        const Tensor& to = targets.by_name.at(t.target).parameter->tensor;
        if (t.target == reversed) to.copy_from(with_reversed_last_axis(to.to(Device::cpu)));
        to.storage().bump_version();
    }
}

/// Why a file does not fit, as far as that is known.
std::string likely_cause(const WeightFile& file, const Plan& plan, const Targets& targets) {
    const ImportReport& report = plan.report;
    const auto trouble = std::find_if(report.wrong_shape.begin(), report.wrong_shape.end(),
                                      [](const ImportReport::WrongShape& wrong) { return !wrong.other_classes; });
    const bool one = report.missing.empty() && report.within == 0 && trouble != report.wrong_shape.end() &&
                     trouble->target == first_convolution(targets);
    if (one) {
        const std::vector<std::int64_t>& shape = file.find(trouble->source)->shape;
        const std::size_t axis = plan.convention == Convention::keras ? 2 : 1;
        const Shape& ours = targets.by_name.at(trouble->target).parameter->tensor.shape();
        if (shape.size() == 4) {
            return fmt::format("its network takes pictures of {} channel{}, this one of {}", shape[axis],
                               shape[axis] == 1 ? "" : "s", ours[3]);
        }
    }
    if (plan.convention == Convention::keras) {
        if (const std::string kinds = other_kinds(file, targets); !kinds.empty()) {
            return "its model is of other layers, " + kinds;
        }
    }
    if (plan.convention == Convention::keras && has_own_names(file, targets)) {
        return "its layers have names of their own, so they were placed by their order in the model: it is of another "
               "network, or of other options";
    }
    return "it is of another network, or of other options";
}

/// Whether one of the tables of the network's library implies this option of it.
bool is_told_by_names(const nets::Net& net, const std::string& option) {
    for (const NameSource* source : name_sources()) {
        if (!source->is_own(net.name())) continue;
        for (const NameMap& map : source->maps) {
            if (nlohmann::json::parse(map.options).contains(option)) return true;
        }
    }
    return false;
}

/// Our modules by the file's layers that fill them, or would but for the number of classes.
std::map<std::string, std::string> layers_of(const Plan& plan, const Targets& targets) {
    std::map<std::string, std::string> layers;
    for (const Transfer& t : plan.transfers) {
        layers.emplace(t.source->name.substr(0, t.source->name.rfind('/')), targets.by_name.at(t.target).path);
    }
    for (const ImportReport::WrongShape& head : plan.report.wrong_shape) {  // for other classes: see fits()
        layers.emplace(head.source.substr(0, head.source.rfind('/')), targets.by_name.at(head.target).path);
    }
    return layers;
}

/// What a file of the network's weights has of it.
std::vector<std::pair<std::string, Shape>> shapes_of(nets::Net& net) {
    std::vector<std::pair<std::string, Shape>> list;
    for (const auto& named : {net.named_parameters(), net.named_buffers()}) {
        for (const nn::NamedParameter& n : named) list.emplace_back(n.name, n.parameter->tensor.shape());
    }
    return list;
}

}  // namespace

std::string ImportReport::taken_set() const {
    if (passed_over.empty()) return {};
    std::vector<std::string> others;
    for (const std::string& other : passed_over) {
        others.push_back(other.empty() ? "that without a prefix (--prefix .)" : printable(other));
    }
    return fmt::format(
        "it has {} whole sets of weights: taken is {}, the average over training; passed over {} (--prefix takes "
        "another)",
        1 + others.size(), printable(prefix), fmt::join(others, ", "));
}

std::string ImportReport::text(std::size_t most) const {
    // What is left out on purpose, or belongs to no weights, most files have: counters of batches that were seen.
    std::string result =
        fmt::format("{} matched, {} missing, {} unexpected, {} of the wrong shape, {} left out{} (names as in {}{})\n",
                    matched.size(), missing.size(), unexpected.size(), wrong_shape.size(), ignored.size(),
                    left_out_text(ignored), from, prefix.empty() ? "" : fmt::format(", below {}", printable(prefix)));
    if (!passed_over.empty()) result += fmt::format("  {}\n", taken_set());
    for (const std::string& average : averages) {
        result += fmt::format("  it has an average over training ({}), which is not whole, and so not taken\n",
                              printable(average.substr(0, average.size() - 1)));
    }
    if (!integers.empty()) {
        result += "  " + named(integers, "of whole numbers", most) +
                  ": taken as they are; if they are quantised, save them with dequantize() instead\n";
    }
    for (const std::string& trouble : troubles(*this, most, true)) result += "  " + trouble + "\n";
    if (fits() && !wrong_shape.empty()) {
        result += fmt::format("  {} is for other classes in the file: it starts anew\n", wrong_shape[0].target);
    }
    return result;
}

nlohmann::json to_json(const ImportReport& report) {
    nlohmann::json matched = nlohmann::json::array(), wrong = nlohmann::json::array();
    for (const auto& [source, target] : report.matched) matched.push_back({{"source", source}, {"target", target}});
    for (const auto& w : report.wrong_shape) {
        wrong.push_back({{"source", w.source},
                         {"target", w.target},
                         {"source_shape", w.source_shape},
                         {"wanted_shape", w.wanted_shape}});
    }
    return {{"from", report.from},        {"matched", matched},
            {"missing", report.missing},  {"unexpected", report.unexpected},
            {"wrong_shape", wrong},       {"ignored", report.ignored},
            {"prefix", report.prefix},    {"passed_over", report.passed_over},
            {"averages", report.averages}};
}

std::vector<std::pair<std::string, std::string>> import_sources() {
    std::vector<std::pair<std::string, std::string>> list;
    for (const NameSource* source : name_sources()) {
        if (list.empty() || list.back().first != source->name) list.emplace_back(source->name, source->what);
    }
    return list;
}

std::string assumed_layers(const WeightFile& file, const nets::Net& net) {
    const bool says = !file.architecture().empty() || !file.note().empty();
    return file.format() != WeightFormat::keras || says ? "" : keras_architecture_text(net);
}

nlohmann::json with_untraced(const std::string& net, nlohmann::json options, const nlohmann::json& said,
                             const nlohmann::json& given) {
    const auto shapes = shapes_of(*nets::make_net(net, options));
    for (const nets::NetOption& option : nets::net_info(net).options) {
        if (!said.contains(option.name) || given.contains(option.name)) continue;
        nlohmann::json changed = options;
        changed[option.name] = said.at(option.name);
        if (shapes_of(*nets::make_net(net, changed)) == shapes) options = std::move(changed);
    }
    return options;
}

std::string untraced_options(const WeightFile& file, const nets::Net& net, const nlohmann::json& given) {
    if (file.format() == WeightFormat::keras || file.from_camber() || !file.note().empty()) return "";
    // What only a training has, or is told otherwise.
    constexpr std::array others = {"init", "dropout", "aux_dropout", "aux_weight", "input", "size_policy"};
    const nlohmann::json options = net.options();
    const auto shapes = shapes_of(*nets::make_net(net.name(), options));
    std::vector<std::string> texts;
    for (const nets::NetOption& option : nets::net_info(net.name()).options) {
        const bool other = std::any_of(others.begin(), others.end(), [&](const char* o) { return option.name == o; });
        if (other || given.contains(option.name) || is_told_by_names(net, option.name)) continue;
        std::vector<nlohmann::json> values(option.choices.begin(), option.choices.end());
        if (option.value.is_boolean()) values = {!options.at(option.name).get<bool>()};
        const bool is_traced = std::any_of(values.begin(), values.end(), [&](const nlohmann::json& value) {
            nlohmann::json changed = options;
            changed[option.name] = value;
            return shapes_of(*nets::make_net(net.name(), changed)) != shapes;
        });
        if (values.empty() || is_traced) continue;
        std::string flag = "--" + option.name;
        std::replace(flag.begin(), flag.end(), '_', '-');
        const nlohmann::json& value = options.at(option.name);
        texts.push_back(fmt::format("{} {}", flag, value.is_string() ? value.get<std::string>() : value.dump()));
    }
    if (const std::string_view fixed = net.original().untraced; !fixed.empty()) texts.emplace_back(fixed);
    return fmt::format("{}", fmt::join(texts, ", "));
}

ImportReport import_weights(const WeightFile& file, nn::Module& network, const ImportOptions& options) {
    const std::string name = file.file().string();
    Targets targets = targets_of(network);
    if (options.encoder_only && !options.encoder_paths.empty()) want_only(targets, options.encoder_paths);
    Plan plan = best_plan(file, targets, options);
    if (plan.transfers.empty()) {
        fail("{}: none of its {} tensors fits the network: the first is '{}' {}, the network's first is '{}'", name,
             file.entries().size(), printable(file.entries().empty() ? "" : file.entries()[0].name),
             file.entries().empty() ? "" : file.entries()[0].shape_text(),
             targets.names.empty() ? "" : targets.names[0]);
    }
    for (const Transfer& t : plan.transfers) {
        if (!t.source->problem.empty()) fail("{}: tensor '{}' {}", name, printable(t.source->name), t.source->problem);
    }
    if (options.strict && !plan.report.complete()) {
        fail("{}: {} of the network's {} tensors matched, but with --strict all must: {}", name,
             plan.report.matched.size(), targets.names.size(), fmt::join(troubles(plan.report, 3, true), "; "));
    }
    if (!options.partial && !plan.report.fits()) {
        fail(
            "{}: {} of the network's {} tensors matched: {}; {}; `camber "
            "import --partial` takes what fits and leaves the rest at its initial values",
            name, plan.report.matched.size(), targets.names.size(), fmt::join(troubles(plan.report, 3, false), "; "),
            likely_cause(file, plan, targets));
    }
    if (const auto* net = dynamic_cast<const nets::Net*>(&network); net && !options.partial) {
        check_keras_architecture(file, *net, layers_of(plan, targets), !options.encoder_only);
    }
    const std::string first = options.bgr_input ? first_convolution(targets) : "";
    transfer(file, plan.transfers, targets, first);
    file.check_rest();
    return std::move(plan.report);
}

}  // namespace camber
