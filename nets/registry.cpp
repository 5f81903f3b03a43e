#include "registry.h"

namespace camber::nets {

const std::vector<NetInfo>& net_list() {
    static const std::vector<NetInfo> list = {
        unet_info(),
        keras_unet_resnet34_info(),
        keras_unet_vgg16_info(),
        smp_unet_resnet34_info(),
        smp_unet_vgg16_info(),
        smp_unet_vgg16_bn_info(),
        dynamic_unet_resnet34_info(),
        deeplabv3_resnet50_info(),
        deeplabv3_resnet101_info(),
        resnet34_info(),
        resnet50_info(),
        resnet101_info(),
        vgg16_info(),
        vgg16_bn_info(),
        keras_resnet34_info(),
        keras_vgg16_info(),
    };
    return list;
}

const NetInfo& net_info(const std::string& name) {
    std::vector<std::string> names;
    for (const NetInfo& info : net_list()) {
        if (info.name == name) return info;
        names.push_back(info.name);
    }
    fail_usage("unknown network '{}': {}", name, fmt::join(names, ", "));
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
