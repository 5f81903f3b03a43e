#include <camber/error.h>
#include <camber/import.h>
#include <camber/layers.h>
#include <camber/nets.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "weights/plan.h"

namespace camber {
namespace {

/// Values that a network's option may have in a file of these shapes: whole numbers, flags and words.
std::vector<nlohmann::json> candidates(const nets::NetOption& option, const std::set<std::int64_t>& extents) {
    if (option.value.is_boolean()) return {!option.value.get<bool>()};
    std::vector<nlohmann::json> list(option.choices.begin(), option.choices.end());
    if (option.value.is_number_integer()) list.assign(extents.begin(), extents.end());
    return list;
}

/// How many names the file and the network do not share, whatever their shapes.
std::size_t strangers(const Plan& plan) { return plan.report.missing.size() + plan.report.unexpected.size(); }

/// "width 4, not 8": what of `given` the file has otherwise.
std::string differences(const nlohmann::json& options, const nlohmann::json& given) {
    std::vector<std::string> texts;
    for (const auto& [name, value] : given.items()) {
        if (const auto& theirs = options.at(name); theirs != value) {
            texts.push_back(fmt::format("{} {}, not {}", name, theirs.dump(), value.dump()));
        }
    }
    return fmt::format("{}", fmt::join(texts, ", "));
}

/// Whether the file's network is `net`, a classifier, but for what comes after its features.
bool is_without_head(const WeightFile& file, const std::string& net, const nlohmann::json& net_options,
                     const ImportOptions& options) {
    const auto network = nets::make_net(net, net_options);
    if (network->task() != nets::Task::classification) return false;
    const Targets targets = targets_of(*network);
    const Plan plan = best_plan(file, targets, options);
    const ImportReport& report = plan.report;
    // A decoder is no head.
    constexpr std::ptrdiff_t most_head_layers = 3;
    const auto is_matrix = [](const WeightEntry& entry) { return entry.shape.size() > 1; };
    const auto placed = std::count_if(plan.transfers.begin(), plan.transfers.end(),
                                      [&](const Transfer& t) { return is_matrix(*t.source); });
    const auto there = std::count_if(file.entries().begin(), file.entries().end(), is_matrix);
    const auto of_head = [&](const std::string& name) {
        return dynamic_cast<const nn::Linear*>(targets.by_name.at(name).layer) != nullptr;
    };
    return !report.matched.empty() && report.within == 0 && report.wrong_shape.empty() &&
           there - placed <= most_head_layers && std::all_of(report.missing.begin(), report.missing.end(), of_head);
}

/// Whether the file fills the encoder of `net`, which is as wide as `like` says.
bool fills_encoder(const WeightFile& file, const std::string& net, const nlohmann::json& like, ImportOptions options) {
    nlohmann::json net_options = nlohmann::json::object();
    if (like.contains("width")) net_options["width"] = like["width"];
    const nets::NetInfo& info = nets::net_info(net);
    const auto network = info.make(nlohmann::json::object());
    if (network->task() != nets::Task::segmentation || network->encoder_paths().empty()) return false;
    const auto made = info.make(net_options);
    Targets targets = targets_of(*made);
    want_only(targets, made->encoder_paths());
    options.encoder_only = true;
    const ImportReport report = best_plan(file, targets, options).report;
    return !report.matched.empty() && report.missing.empty() && report.wrong_shape.empty() && report.within == 0;
}

/// Throws Error naming the networks whose encoder the file fills, where it does not fill that of `net`.
void name_other_encoders(const WeightFile& file, const std::string& net, const nlohmann::json& given,
                         const ImportOptions& options) {
    if (fills_encoder(file, net, given, options)) return;
    std::vector<std::string> filled;
    for (const nets::NetInfo& info : nets::net_list()) {
        if (info.name != net && fills_encoder(file, info.name, given, options)) filled.push_back("--net " + info.name);
    }
    if (filled.empty()) return;
    fail("{} does not fill the encoder of {}: it fills that of {}", file.file().string(), net, fmt::join(filled, ", "));
}

/// Throws Error naming the networks whose encoder the weights of a classifier, with its last layers or without, fill.
void name_encoders(const WeightFile& file, const std::string& net, const ImportOptions& options) {
    for (const nets::NetInfo& classifier : nets::net_list()) {
        if (classifier.make(nlohmann::json::object())->task() != nets::Task::classification) continue;
        const FittedOptions fitted = fitted_options(file, classifier.name, nlohmann::json::object(), options);
        if (!is_without_head(file, classifier.name, fitted.options, options)) continue;
        std::vector<std::string> filled;
        for (const nets::NetInfo& info : nets::net_list()) {
            if (fills_encoder(file, info.name, fitted.options, options)) filled.push_back("--net " + info.name);
        }
        const std::string what = fmt::format("{} is of {}, a classifier{}", file.file().string(), classifier.name,
                                             fitted.fits ? "" : ", without its last layers");
        if (std::find(filled.begin(), filled.end(), "--net " + net) != filled.end()) {
            fail("{}: it fills the encoder of {} alone; give it as --encoder-weights in place of --weights", what, net);
        }
        if (filled.empty() || fitted.fits) continue;
        fail("{}: it fills encoders alone, with --encoder-weights in place of --weights: {}", what,
             fmt::join(filled, ", "));
    }
}

}  // namespace

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
    nlohmann::json fixed = fitted.options;
    std::set<std::int64_t> extents = {1, 2, 3, 4, 5, 6, 7, 8};  // a depth is no extent
    for (const WeightEntry& entry : file.entries()) {
        constexpr std::int64_t largest = 1024;
        for (const std::int64_t extent : entry.shape) {
            if (extent > 0 && extent <= largest) extents.insert(extent);
        }
    }
    constexpr std::size_t most_extents = 64, most_rounds = 4;
    const std::size_t placed = best.report.matched.size() + best.report.wrong_shape.size();
    const bool by_name = 2 * placed >= file.entries().size() - best.report.ignored.size();  // else of another network
    if (!by_name || best.report.complete() || extents.size() > most_extents) {
        fitted.fits = best.report.fits();
        return fitted;
    }
    // One option after the other, as long as there is a better value by `is_better`: after `is_best` there is none.
    const auto improve = [&](const auto& is_better, const auto& is_best) {
        bool better = true;
        for (std::size_t round = 0; better && round < most_rounds; ++round) {
            better = false;
            for (const nets::NetOption& option : all) {
                if (fixed.contains(option.name)) continue;
                for (const nlohmann::json& value : candidates(option, extents)) {
                    if (is_best(best)) return;
                    nlohmann::json tried = fitted.options;
                    tried[option.name] = value;
                    try {
                        Plan plan = plan_of(tried, &best);
                        if (!is_better(plan, best)) continue;
                        best = std::move(plan);
                        fitted.options = std::move(tried);
                        better = true;
                    } catch (const UsageError&) {  // out of the option's range
                    }
                }
            }
        }
    };
    // Which layers there are does not depend on their widths: a depth is told by names alone. Under a wrong one, widths
    // that are wrong, too, may fit more tensors than the right one.
    improve([](const Plan& plan, const Plan& than) { return strangers(plan) < strangers(than); },
            [](const Plan& plan) { return strangers(plan) == 0; });
    if (strangers(best) == 0) fixed = fitted.options;
    improve([](const Plan& plan, const Plan& than) { return score(plan) > score(than); },
            [](const Plan& plan) { return plan.report.complete(); });
    fitted.fits = best.report.fits();
    return fitted;
}

void name_what_fits(const WeightFile& file, const std::string& net, const nlohmann::json& given,
                    const ImportOptions& options) {
    const std::string name = file.file().string();
    if (options.encoder_only) return name_other_encoders(file, net, given, options);
    if (!given.empty()) {
        const FittedOptions other = fitted_options(file, net, nlohmann::json::object(), options);
        if (other.fits) {
            fail("{} is of a {} with {}; leave the option out: the file says it", name, net,
                 differences(nets::make_net(net, other.options)->options(), given));
        }
    }
    std::vector<std::string> fitting;
    for (const nets::NetInfo& info : nets::net_list()) {
        if (info.name != net && fitted_options(file, info.name, nlohmann::json::object(), options).fits)
            fitting.push_back(info.name);
    }
    const auto segments = [](const std::string& other) {
        return nets::make_net(other)->task() == nets::Task::segmentation;
    };
    std::stable_partition(fitting.begin(), fitting.end(), segments);
    const bool classifier = !fitting.empty() && !segments(fitting[0]);
    if (fitting.empty() || classifier) name_encoders(file, net, options);
    if (!fitting.empty()) fail("{} does not fit {}: it is of {}; give --net {}", name, net, fitting[0], fitting[0]);
}

}  // namespace camber
