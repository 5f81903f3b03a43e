#include "weights/plan.h"

#include <camber/layers.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "io/keras_model.h"
#include "io/printable.h"
#include "weights/keras_layers.h"

namespace camber {
namespace {

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

bool is_whole_number(ElementType type) {
    return type == ElementType::i64 || type == ElementType::i32 || type == ElementType::i16 ||
           type == ElementType::i8 || type == ElementType::u8 || type == ElementType::boolean;
}

/// The module that everything wanted is in: "encoder".
std::string root_of(const Targets& targets) {
    std::optional<std::string> root;  // with the dot
    for (const auto& [name, target] : targets.by_name) {
        if (!target.wanted) continue;
        if (!root) root = name;
        root->erase(std::mismatch(root->begin(), root->end(), name.begin(), name.end()).first, root->end());
        root->erase(root->rfind('.') + 1);
    }
    return root && !root->empty() ? root->substr(0, root->size() - 1) : "";
}

/// Whether a name is inside a layer of the network, or a group of layers, below `root`.
bool is_within(const std::string& name, const std::string& root, const std::set<std::string>& modules,
               const Targets& targets, Convention convention) {
    if (convention == Convention::keras) return true;  // layers of no hierarchy
    std::size_t end = name.rfind('.');
    for (; end != std::string::npos && end > root.size(); end = name.rfind('.', end - 1)) {
        const std::string module = name.substr(0, end);
        if (!modules.contains(module)) continue;
        const auto part = targets.by_name.lower_bound(module + ".");
        return part != targets.by_name.end() && part->second.wanted;
    }
    return false;
}

/// What may stand before a network's names: "", and whatever some of the names begin with, as "model.".
std::vector<std::string> prefixes(const WeightFile& file) {
    constexpr std::size_t most = 128, deepest = 8, least_share = 25;
    std::vector<std::string> names, list = {""};
    for (const WeightEntry& entry : file.entries()) names.push_back(entry.name);
    for (std::size_t i = 0; i < list.size() && list.size() < most; ++i) {
        const std::string above = list[i];
        if (static_cast<std::size_t>(std::count(above.begin(), above.end(), '.')) == deepest) break;
        std::map<std::string, std::size_t> counts;
        for (const std::string& name : names) {
            const std::size_t dot = name.starts_with(above) ? name.find('.', above.size()) : std::string::npos;
            if (dot != std::string::npos) ++counts[name.substr(0, dot + 1)];
        }
        for (const auto& [prefix, count] : counts) {
            if (least_share * count >= names.size()) list.push_back(prefix);
        }
    }
    return list;
}

/// How many of a file's names begin so.
std::size_t count_below(const WeightFile& file, const std::string& prefix) {
    return static_cast<std::size_t>(
        std::count_if(file.entries().begin(), file.entries().end(),
                      [&](const WeightEntry& entry) { return entry.name.starts_with(prefix); }));
}

/// The prefixes that --prefix may mean: those that begin with it, else those that have it further on.
std::vector<std::string> prefixes_of(const WeightFile& file, const std::string& wanted) {
    std::vector<std::string> list = prefixes(file), found;
    if (count_below(file, wanted) > 0) {
        found = {wanted};
        for (const std::string& prefix : list) {
            if (prefix != wanted && prefix.starts_with(wanted)) found.push_back(prefix);
        }
    } else {
        std::copy_if(list.begin(), list.end(), std::back_inserter(found),
                     [&](const std::string& prefix) { return ("." + prefix).find("." + wanted) != std::string::npos; });
    }
    return found;
}

/// Whether --prefix may mean any name of the file.
bool has_prefix(const WeightFile& file, const std::string& wanted) {
    if (file.format() != WeightFormat::keras) return !prefixes_of(file, wanted).empty();
    return std::any_of(file.entries().begin(), file.entries().end(), [&](const WeightEntry& entry) {
        return plain_name(Convention::keras, entry.name).starts_with(wanted);
    });
}

/// A name of the file below `prefix`, before any rule; nothing for others, and for those of another set: where there
/// are "module.conv.weight" and "conv.weight", the first is the one below "module." alone.
std::optional<std::string> name_below(const WeightFile& file, Convention convention, const std::string& name,
                                      const std::string& prefix) {
    if (convention == Convention::keras) {
        const std::string plain = plain_name(convention, name);
        return plain.starts_with(prefix) ? std::optional(plain.substr(prefix.size())) : std::nullopt;
    }
    if (!name.starts_with(prefix)) return std::nullopt;
    const std::string below = name.substr(prefix.size());
    std::string plain = plain_name(convention, below);
    if (plain != below && file.find(prefix + plain)) return std::nullopt;
    return plain;
}

/// Whether a set of weights of this name is an average over steps of training: ema, params_ema, EMACallback, swa.
bool is_average(const std::string& prefix) {
    std::string word;
    for (const char c : keras_snake_case(prefix) + ".") {
        if (std::isalpha(static_cast<unsigned char>(c))) {
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            continue;
        }
        if (word == "ema" || word == "swa" || word == "averaged" || word == "average" || word == "avg" ||
            word == "shadow")
            return true;
        word.clear();
    }
    return false;
}

/// Averages whose weights are not all there, as those without the running statistics, and so not taken.
std::vector<std::string> averages_beside(const WeightFile& file, const Plan& plan) {
    std::vector<std::string> list;
    const ImportReport& report = plan.report;
    for (const std::string& prefix : prefixes(file)) {
        const auto is_taken = [&](const Transfer& t) { return t.source->name.starts_with(prefix); };
        const bool known =
            std::any_of(list.begin(), list.end(), [&](auto& l) { return prefix.starts_with(l); }) ||
            std::find(report.passed_over.begin(), report.passed_over.end(), prefix) != report.passed_over.end();
        if (is_average(prefix) && !known && std::none_of(plan.transfers.begin(), plan.transfers.end(), is_taken))
            list.push_back(prefix);
    }
    return list;
}

/// As messages show it: "ema", or what takes the names without one.
std::string shown_prefix(const std::string& prefix) {
    return prefix.empty() ? "the names without a prefix (--prefix .)" : printable(prefix.substr(0, prefix.size() - 1));
}

/// Adds a set, unless it is one of them: "model.net." of what "model." finds too.
void add_set(std::vector<Plan>& sets, const Plan& plan) {
    const auto first = [](const Plan& p) { return p.transfers.empty() ? nullptr : p.transfers.front().source; };
    const bool is_there =
        std::any_of(sets.begin(), sets.end(), [&](const Plan& other) { return first(other) == first(plan); });
    if (!is_there) sets.push_back(plan);
}

/// Of several whole sets of weights the one average of them, the others passed over. Throws Error naming them where
/// there is no such.
Plan chosen(const WeightFile& file, std::vector<Plan> sets) {
    std::vector<std::string> names;
    std::size_t averages = 0, average = 0;
    for (std::size_t i = 0; i < sets.size(); ++i) {
        names.push_back(sets[i].report.prefix);
        if (is_average(names[i])) ++averages, average = i;
    }
    if (averages != 1) {
        std::vector<std::string> shown;
        for (const std::string& name : names) shown.push_back(shown_prefix(name));
        const std::string one = names[0].empty() ? shown_prefix(names[1]) : shown[0];
        fail("{}: has {} sets of weights that fit: {}; say which, with --prefix {} for example", file.file().string(),
             sets.size(), fmt::join(shown, ", "), one);
    }
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(average));
    Plan plan = std::move(sets[average]);
    plan.report.passed_over = std::move(names);
    return plan;
}

bool suits(const WeightFile& file, Convention convention) {
    if (file.from_camber()) return convention == Convention::camber;
    return convention == (file.format() == WeightFormat::keras ? Convention::keras : Convention::pytorch);
}

}  // namespace

std::array<std::ptrdiff_t, 5> score(const Plan& plan) {
    const ImportReport& r = plan.report;
    return {r.fits(), std::ssize(r.matched), std::ssize(r.wrong_shape), -std::ssize(r.unexpected), -plan.outputs_anew};
}

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
    // Another library's classifier has names of its own beside the encoder's layers: a counter, a loss.
    const std::string root = map.encoder ? root_of(targets) : "";
    const auto nameless =
        convention == Convention::keras ? nameless_layers(file, targets) : std::map<std::string, std::string>();
    for (const WeightEntry& entry : file.entries()) {
        std::optional<std::string> plain = name_below(file, convention, entry.name, prefix);
        if (plain && !nameless.empty()) {
            const auto layer = nameless.find(plain->substr(0, plain->rfind('.')));
            if (layer != nameless.end()) plain->replace(0, layer->first.size(), layer->second);
        }
        const std::optional<std::string> name = plain ? mapped_name(map, *plain) : std::nullopt;
        if (!name || has_average(file, entry.name)) {
            report.ignored.push_back(entry.name);
            continue;
        }
        const auto found = targets.by_name.find(*name);
        if (found != targets.by_name.end() && !found->second.wanted) {
            report.ignored.push_back(entry.name);
        } else if (found == targets.by_name.end() || !filled.insert(*name).second) {
            const bool within = is_within(*name, root, modules, targets, convention);
            (within ? report.unexpected : outside).push_back(entry.name);
        } else if (Layout layout = target_layout(*name, found->second, convention);
                   layout.shape != entry.shape && entry.problem.empty()) {
            const WeightEntry wanted{*name, layout.shape};
            report.wrong_shape.push_back({entry.name, *name, entry.shape_text(), wanted.shape_text(),
                                          is_for_other_classes(found->second, layout, entry.shape, convention)});
            plan.outputs_anew += !found->second.for_training;
        } else {
            report.matched.push_back({entry.name, *name});
            if (is_whole_number(entry.type)) report.integers.push_back(entry.name);
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
        if (names.empty() || names.back() != source->name) names.push_back(source->name);
        if (options.from != "auto" && options.from != source->name) continue;
        known = true;
        if (suits(file, source->convention)) suitable.push_back(source);
    }
    // Several libraries have the same names; the network's own is the one to speak of.
    std::stable_partition(suitable.begin(), suitable.end(),
                          [&](const NameSource* source) { return source->is_own(targets.net); });
    const bool given = !options.prefix.empty();
    if (given && file.from_camber()) {
        fail_usage("{}: is a checkpoint of Camber's, of one network: leave --prefix out", file.file().string());
    }
    const std::string wanted = !given || options.prefix == "." ? ""  // the names without one
                               : options.prefix.ends_with('.') ? options.prefix
                                                               : options.prefix + ".";
    if (!wanted.empty() && !has_prefix(file, wanted)) {
        fail_usage("{}: has no set of weights whose names begin with '{}'", file.file().string(), printable(wanted));
    }
    for (const NameSource* source : suitable) consider(*source, wanted);
    const auto of_pytorch = [](const NameSource* source) { return source->convention == Convention::pytorch; };
    const bool exact = given && best && (wanted.empty() || best->report.fits());  // always taken
    if (best && !exact && std::any_of(suitable.begin(), suitable.end(), of_pytorch)) {
        // Where one fits, others can only be whole with as many names.
        const std::size_t least = best->report.fits() ? best->report.matched.size() : 0;
        std::vector<Plan> whole;
        if (best->report.fits()) whole.push_back(*best);
        for (const std::string& prefix : given ? prefixes_of(file, wanted) : prefixes(file)) {
            if (prefix == wanted || count_below(file, prefix) < least) continue;
            std::optional<Plan> before = std::exchange(best, std::nullopt);
            for (const NameSource* source : suitable) {
                if (of_pytorch(source)) consider(*source, prefix);
            }
            if (best && best->report.fits()) add_set(whole, *best);
            if (!best || score(*before) >= score(*best)) best = std::move(before);
        }
        if (whole.size() > 1) best = chosen(file, std::move(whole));
        if (!given) best->report.averages = averages_beside(file, *best);
    }
    if (!known) fail_usage("unknown source of weights '{}': auto, {}", options.from, fmt::join(names, ", "));
    if (!best) fail_usage("{}: not a file of {}'s weights", file.file().string(), options.from);
    return std::move(*best);
}

bool ImportReport::fits() const {
    return missing.empty() && within == 0 &&
           std::all_of(wrong_shape.begin(), wrong_shape.end(), [](const WrongShape& w) { return w.other_classes; });
}

}  // namespace camber
