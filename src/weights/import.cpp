#include <camber/import.h>
#include <camber/layers.h>
#include <camber/nets.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "io/printable.h"
#include "weights/keras_layers.h"
#include "weights/layout.h"
#include "weights/name_map.h"
#include "weights/targets.h"

namespace camber {
namespace {

struct Transfer {
    const WeightEntry* source;
    std::string target;
    Transposition to_camber;
};

struct Plan {
    ImportReport report;
    std::vector<Transfer> transfers;
    Convention convention;
    const NameMap* map;
};

/// Higher for a plan that places more.
std::pair<std::size_t, std::ptrdiff_t> score(const Plan& plan) {
    return {plan.report.matched.size(), -static_cast<std::ptrdiff_t>(plan.report.unexpected.size())};
}

/// Whether a checkpoint has the average of this parameter, which goes before it.
bool has_average(const WeightFile& file, const std::string& name) {
    constexpr std::string_view model = "model.";
    return file.from_camber() && name.starts_with(model) && file.find("ema." + name.substr(model.size()));
}

/// Whether a layer's weight or bias is of another number of outputs, and else the same.
bool is_for_other_classes(const Target& target, const Layout& layout, std::vector<std::int64_t> shape,
                          Convention convention) {
    const bool linear = dynamic_cast<const nn::Linear*>(target.layer) != nullptr;
    if (!linear && !dynamic_cast<const nn::Conv2d*>(target.layer)) return false;
    if (shape.size() != layout.shape.size() || shape.empty()) return false;
    const bool last = convention == Convention::keras && target.leaf == "weight";
    const std::size_t outputs = last ? shape.size() - 1 : 0;
    shape[outputs] = layout.shape[outputs];
    return shape == layout.shape;
}

/// Whether a name is inside a layer of the network, or a group of layers.
bool is_within(const std::string& name, const std::set<std::string>& modules, const Targets& targets,
               Convention convention) {
    if (convention == Convention::keras) return true;  // layers of no hierarchy
    std::size_t end = name.rfind('.');
    for (; end != std::string::npos && end > 0; end = name.rfind('.', end - 1)) {
        const std::string module = name.substr(0, end);
        if (!modules.contains(module)) continue;
        const auto part = targets.by_name.lower_bound(module + ".");
        return part != targets.by_name.end() && part->second.wanted;
    }
    return false;
}

/// What the file would fill under one table with the names that begin with `prefix`, which is taken off.
Plan make_plan(const WeightFile& file, const Targets& targets, Convention convention, const NameMap& map,
               const std::string& prefix) {
    Plan plan{{}, {}, convention, &map};
    ImportReport& report = plan.report;
    report.from = map.source;
    report.prefix = prefix;
    std::set<std::string> filled, modules;
    for (const auto& [name, target] : targets.by_name) {
        for (std::size_t dot = name.rfind('.'); dot != std::string::npos; dot = dot ? name.rfind('.', dot - 1) : dot) {
            if (!modules.insert(name.substr(0, dot)).second || dot == 0) break;
        }
    }
    std::vector<std::string> outside;
    const auto nameless =
        convention == Convention::keras ? nameless_layers(file, targets) : std::map<std::string, std::string>();
    for (const WeightEntry& entry : file.entries()) {
        std::string plain = plain_name(convention, entry.name);
        if (const auto layer = nameless.find(plain.substr(0, plain.rfind('.'))); layer != nameless.end()) {
            plain.replace(0, layer->first.size(), layer->second);
        }
        const std::optional<std::string> name =
            plain.starts_with(prefix) ? mapped_name(map, plain.substr(prefix.size())) : std::nullopt;
        if (!name || has_average(file, entry.name)) {
            report.ignored.push_back(entry.name);
            continue;
        }
        const auto found = targets.by_name.find(*name);
        if (found != targets.by_name.end() && !found->second.wanted) {
            report.ignored.push_back(entry.name);
        } else if (found == targets.by_name.end() || !filled.insert(*name).second) {
            const bool within = is_within(*name, modules, targets, convention);
            (within ? report.unexpected : outside).push_back(entry.name);
        } else if (Layout layout = target_layout(*name, found->second, convention); layout.shape != entry.shape) {
            const WeightEntry wanted{*name, layout.shape};
            report.wrong_shape.push_back({entry.name, *name, entry.shape_text(), wanted.shape_text(),
                                          is_for_other_classes(found->second, layout, entry.shape, convention)});
        } else {
            report.matched.push_back({entry.name, *name});
            plan.transfers.push_back({&entry, *name, layout.to_camber});
        }
    }
    report.within = report.unexpected.size();
    report.unexpected.insert(report.unexpected.end(), outside.begin(), outside.end());
    for (const std::string& name : targets.names) {
        if (targets.by_name.at(name).wanted && !filled.contains(name)) report.missing.push_back(name);
    }
    return plan;
}

/// What may stand before a network's names: "", and whatever a tenth of the names begin with, as "model.".
std::vector<std::string> prefixes(const WeightFile& file) {
    constexpr std::size_t most = 64, deepest = 4;
    std::vector<std::string> names, list = {""};
    for (const WeightEntry& entry : file.entries()) names.push_back(plain_name(Convention::pytorch, entry.name));
    for (std::size_t i = 0; i < list.size() && list.size() < most; ++i) {
        const std::string above = list[i];
        if (static_cast<std::size_t>(std::count(above.begin(), above.end(), '.')) == deepest) break;
        std::map<std::string, std::size_t> counts;
        for (const std::string& name : names) {
            const std::size_t dot = name.starts_with(above) ? name.find('.', above.size()) : std::string::npos;
            if (dot != std::string::npos) ++counts[name.substr(0, dot + 1)];
        }
        for (const auto& [prefix, count] : counts) {
            if (10 * count >= names.size()) list.push_back(prefix);
        }
    }
    return list;
}

bool suits(const WeightFile& file, Convention convention) {
    if (file.from_camber()) return convention == Convention::camber;
    return convention == (file.format() == WeightFormat::keras ? Convention::keras : Convention::pytorch);
}

/// The plan of the table under which most tensors fit, among those that `options` allow.
Plan best_plan(const WeightFile& file, const Targets& targets, const ImportOptions& options) {
    std::optional<Plan> best;
    std::vector<std::string_view> names;
    bool known = options.from == "auto";
    const auto consider = [&](const NameSource& source, const std::string& prefix) {
        for (const NameMap& map : source.maps) {
            if (map.encoder != options.encoder_only) continue;
            Plan plan = make_plan(file, targets, source.convention, map, prefix);
            if (!best || score(plan) > score(*best)) best = std::move(plan);
        }
    };
    std::vector<const NameSource*> suitable;
    for (const NameSource* source : name_sources()) {
        names.push_back(source->name);
        if (options.from != "auto" && options.from != source->name) continue;
        known = true;
        if (suits(file, source->convention)) suitable.push_back(source);
    }
    for (const NameSource* source : suitable) consider(*source, "");
    if (best && !best->report.fits()) {
        for (const std::string& prefix : prefixes(file)) {
            for (const NameSource* source : suitable) {
                if (source->convention == Convention::pytorch && !prefix.empty()) consider(*source, prefix);
            }
        }
    }
    if (!known) fail_usage("unknown source of weights '{}': auto, {}", options.from, fmt::join(names, ", "));
    if (!best) fail_usage("{}: not a file of {}'s weights", file.file().string(), options.from);
    return std::move(*best);
}

/// "3 missing (a, b, ...)", at most `most` names.
std::string named(const std::vector<std::string>& names, std::string_view what, std::size_t most) {
    std::string text = fmt::format("{} {} (", names.size(), what);
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i) {
        text += (i ? ", " : "") + printable(names[i]);
    }
    return text + (names.size() > most ? fmt::format(", and {} more)", names.size() - most) : ")");
}

std::vector<std::string> descriptions(const std::vector<ImportReport::WrongShape>& list) {
    std::vector<std::string> texts;
    for (const auto& wrong : list) {
        texts.push_back(
            fmt::format("{} is {}, {} needs {}", wrong.source, wrong.source_shape, wrong.target, wrong.wanted_shape));
    }
    return texts;
}

/// Every kind of trouble that there is.
std::vector<std::string> troubles(const ImportReport& report, std::size_t most) {
    std::vector<std::string> list;
    if (!report.missing.empty()) list.push_back(named(report.missing, "missing", most));
    if (!report.unexpected.empty()) list.push_back(named(report.unexpected, "unexpected", most));
    if (!report.wrong_shape.empty())
        list.push_back(named(descriptions(report.wrong_shape), "of the wrong shape", most));
    return list;
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

/// Values that a network's option may have in a file of these shapes: whole numbers, flags and words.
std::vector<nlohmann::json> candidates(const nets::NetOption& option, const std::set<std::int64_t>& extents) {
    if (option.value.is_boolean()) return {!option.value.get<bool>()};
    std::vector<nlohmann::json> list(option.choices.begin(), option.choices.end());
    if (option.value.is_number_integer()) list.assign(extents.begin(), extents.end());
    return list;
}

}  // namespace

std::string ImportReport::text(std::size_t most) const {
    std::string result =
        fmt::format("{} matched, {} missing, {} unexpected, {} of the wrong shape, {} left out (names of {}{})\n",
                    matched.size(), missing.size(), unexpected.size(), wrong_shape.size(), ignored.size(), from,
                    prefix.empty() ? "" : fmt::format(" below {}", printable(prefix)));
    for (const std::string& trouble : troubles(*this, most)) result += "  " + trouble + "\n";
    if (fits() && !wrong_shape.empty()) {
        result += fmt::format("  {} is for other classes in the file: it starts anew\n", wrong_shape[0].target);
    }
    return result;
}

bool ImportReport::fits() const {
    return missing.empty() && within == 0 &&
           std::all_of(wrong_shape.begin(), wrong_shape.end(), [](const WrongShape& w) { return w.other_classes; });
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
    return {{"from", report.from},       {"matched", matched},
            {"missing", report.missing}, {"unexpected", report.unexpected},
            {"wrong_shape", wrong},      {"ignored", report.ignored}};
}

std::vector<std::pair<std::string, std::string>> import_sources() {
    std::vector<std::pair<std::string, std::string>> list;
    for (const NameSource* source : name_sources()) list.emplace_back(source->name, source->what);
    return list;
}

FittedOptions fitted_options(const WeightFile& file, const std::string& net, const nlohmann::json& given,
                             const ImportOptions& options) {
    const auto plan_of = [&](const nlohmann::json& net_options, const Plan* like) {
        const auto network = nets::make_net(net, net_options);
        const Targets targets = targets_of(*network);
        return like ? make_plan(file, targets, like->convention, *like->map, like->report.prefix)
                    : best_plan(file, targets, options);
    };
    FittedOptions fitted{given, false};
    Plan best = plan_of(given, nullptr);
    const std::vector<nets::NetOption>& all = nets::net_info(net).options;
    const auto implied = nlohmann::json::parse(best.map->options);
    for (const auto& [name, value] : implied.items()) {
        const bool has =
            std::any_of(all.begin(), all.end(), [&name = name](const nets::NetOption& o) { return o.name == name; });
        if (has && !given.contains(name)) fitted.options[name] = value;
    }
    if (!implied.empty()) best = plan_of(fitted.options, &best);
    const nlohmann::json fixed = fitted.options;
    std::set<std::int64_t> extents = {1, 2, 3};
    for (const WeightEntry& entry : file.entries()) {
        constexpr std::int64_t largest = 1024;
        for (const std::int64_t extent : entry.shape) {
            if (extent > 0 && extent <= largest) extents.insert(extent);
        }
    }
    // One option after the other, as long as more fits: a width moves most shapes, the rest few.
    constexpr std::size_t most_extents = 64, most_rounds = 4;
    const std::size_t placed = best.report.matched.size() + best.report.wrong_shape.size();
    const bool by_name = 2 * placed >= file.entries().size() - best.report.ignored.size();  // else of another network
    bool better = by_name && !best.report.complete() && extents.size() <= most_extents;
    for (std::size_t round = 0; better && round < most_rounds; ++round) {
        better = false;
        for (const nets::NetOption& option : all) {
            if (fixed.contains(option.name)) continue;
            for (const nlohmann::json& value : candidates(option, extents)) {
                nlohmann::json tried = fitted.options;
                tried[option.name] = value;
                try {
                    Plan plan = plan_of(tried, &best);
                    if (score(plan) <= score(best)) continue;
                    best = std::move(plan);
                    fitted.options = std::move(tried);
                    better = true;
                } catch (const UsageError&) {  // out of the option's range
                }
            }
        }
    }
    fitted.fits = best.report.fits();
    return fitted;
}

ImportReport import_weights(const WeightFile& file, nn::Module& network, const ImportOptions& options) {
    const std::string name = file.file().string();
    Targets targets = targets_of(network);
    if (options.encoder_only && !options.encoder_paths.empty()) {
        for (auto& [path, target] : targets.by_name) {
            target.wanted =
                std::any_of(options.encoder_paths.begin(), options.encoder_paths.end(),
                            [&path = path](const std::string& encoder) { return path.starts_with(encoder + "."); });
        }
    }
    Plan plan = best_plan(file, targets, options);
    if (plan.transfers.empty()) {
        fail("{}: none of its {} tensors fits the network: the first is '{}' {}, the network's first is '{}'", name,
             file.entries().size(), printable(file.entries().empty() ? "" : file.entries()[0].name),
             file.entries().empty() ? "" : file.entries()[0].shape_text(),
             targets.names.empty() ? "" : targets.names[0]);
    }
    if (options.strict && !plan.report.complete()) {
        fail("{}: {} of the network's {} tensors matched, but with --strict all must: {}", name,
             plan.report.matched.size(), targets.names.size(), fmt::join(troubles(plan.report, 3), "; "));
    }
    if (!options.partial && !plan.report.fits()) {
        fail(
            "{}: {} of the network's {} tensors matched: {}; it is of another network, or of other options; `camber "
            "import --partial` takes what fits and leaves the rest at its initial values",
            name, plan.report.matched.size(), targets.names.size(), fmt::join(troubles(plan.report, 3), "; "));
    }
    const std::string first = options.bgr_input ? first_convolution(targets) : "";
    transfer(file, plan.transfers, targets, first);
    return std::move(plan.report);
}

}  // namespace camber
