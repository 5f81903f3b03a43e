#include "registry.h"

#include <camber/names.h>
#include <fmt/format.h>

namespace camber::nets {

const std::vector<NetInfo>& net_list() {
#define NETWORK(name) name##_info(),
    static const std::vector<NetInfo> list = {
#include "networks.def"
    };
    return list;
}

const NetInfo& net_info(const std::string& name) {
    std::vector<std::string> names;
    for (const NetInfo& info : net_list()) {
        if (info.name == name) return info;
        names.push_back(info.name);
    }
    fail_usage("unknown network '{}'{}: {}", name, did_you_mean(name, names), fmt::join(names, ", "));
}

std::vector<std::string> Net::encoder_paths() const {
    std::vector<std::string> paths;
    for (const auto& stage : encoder_stages()) paths.insert(paths.end(), stage.begin(), stage.end());
    return paths;
}

std::unique_ptr<Net> make_net(const std::string& name, const nlohmann::json& options) {
    return net_info(name).make(options);
}

}  // namespace camber::nets
