#include "cuda/laboratory/experiment.h"

#include <camber/error.h>
#include <camber/names.h>

#include <fmt/format.h>

#include <algorithm>
#include <deque>

namespace camber::laboratory {
namespace {

struct Registry {
    std::deque<Experiment> experiments;
    std::deque<Version> versions;
};

Registry& registry() {
    static Registry own;
    return own;
}

}  // namespace

Register::Register(Experiment experiment) { registry().experiments.push_back(std::move(experiment)); }
Register::Register(Version version) { registry().versions.push_back(std::move(version)); }

std::vector<const Experiment*> experiments() {
    std::vector<const Experiment*> all;
    for (const Experiment& experiment : registry().experiments) all.push_back(&experiment);
    std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
    return all;
}

const Experiment& find_experiment(const std::string& name) {
    std::vector<std::string> names;
    for (const Experiment* experiment : experiments()) {
        if (experiment->name == name) return *experiment;
        names.push_back(experiment->name);
    }
    fail_usage("the laboratory has no kernel '{}'{}; it has {}", name, did_you_mean(name, names),
               fmt::join(names, ", "));
}

std::vector<const Version*> versions(const Experiment& experiment, Device device) {
    std::vector<const Version*> own;
    for (const Version& version : registry().versions)
        if (version.experiment == experiment.name && version.device == device) own.push_back(&version);
    std::sort(own.begin(), own.end(), [](const auto* a, const auto* b) { return a->number < b->number; });
    return own;
}

std::int64_t bytes_of(const std::vector<Operand>& operands) {
    std::int64_t bytes = 0;
    for (const Operand& operand : operands)
        bytes += operand.shape.numel() * static_cast<std::int64_t>(size_of(operand.dtype));
    return bytes;
}

}  // namespace camber::laboratory
