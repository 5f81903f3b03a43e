#include "train/parameter_groups.h"

#include <algorithm>

namespace camber {
namespace {

/// A learning rate's multiplier for every stage of the encoder.
std::vector<double> stage_multipliers(const nets::Net& net, const std::vector<double>& given) {
    const std::size_t stages = net.encoder_stages().size();
    if (given.empty()) return std::vector<double>(stages, 1);
    if (stages == 0) fail_usage("--encoder-lr: {} has no encoder of its own", net.name());
    if (given.size() != 1 && given.size() != stages) {
        fail_usage("--encoder-lr: the encoder of {} has {} stages: give one number for all, or {}, not {}", net.name(),
                   stages, stages, given.size());
    }
    return given.size() == 1 ? std::vector<double>(stages, given[0]) : given;
}

bool is_below(const std::string& name, const std::string& path) {
    return name.size() > path.size() && name.starts_with(path) && name[path.size()] == '.';
}

/// The encoder's stage that a parameter is in, or their number when it is in none.
std::size_t stage_of(const std::string& name, const std::vector<std::vector<std::string>>& stages) {
    const auto holds = [&](const std::vector<std::string>& stage) {
        return std::any_of(stage.begin(), stage.end(), [&](const std::string& path) { return is_below(name, path); });
    };
    return static_cast<std::size_t>(std::find_if(stages.begin(), stages.end(), holds) - stages.begin());
}

}  // namespace

ParameterGroups parameter_groups(const Model& model) {
    const auto stages = model.net->encoder_stages();
    std::vector<double> multipliers = stage_multipliers(*model.net, model.config.encoder_lr);
    multipliers.push_back(1);
    multipliers.push_back(model.config.aux_lr);
    const std::vector<std::string> aux = model.net->training_paths();
    ParameterGroups result;
    for (std::size_t i = 0; i < multipliers.size(); ++i) {
        const std::string part = i < stages.size()    ? fmt::format("encoder stage {}", i + 1)
                                 : i == stages.size() ? std::string("network")
                                                      : "auxiliary head";
        result.groups.push_back({part + " weights", multipliers[i], model.config.weight_decay, false});
        result.groups.push_back({part + " biases and norms", multipliers[i],
                                 model.config.decay_all ? model.config.weight_decay : 0, false});
    }
    const int frozen = static_cast<int>(result.groups.size());
    result.groups.push_back({"frozen", 1, 0, true});
    for (const auto& entry : model.parameters->parameters()) {
        const bool decays = entry.tensor().shape().rank() > 1;
        const bool is_aux =
            std::any_of(aux.begin(), aux.end(), [&](const std::string& path) { return is_below(entry.name, path); });
        const std::size_t part = is_aux ? stages.size() + 1 : stage_of(entry.name, stages);
        const int group = 2 * static_cast<int>(part) + (decays ? 0 : 1);
        result.ranges.push_back({entry.name, entry.begin, entry.tensor().shape(), entry.trainable() ? group : frozen});
    }
    return result;
}

}  // namespace camber
