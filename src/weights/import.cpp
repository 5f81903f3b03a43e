#include <camber/import.h>
#include <camber/layers.h>
#include <camber/nets.h>

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <optional>

#include "io/printable.h"
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
