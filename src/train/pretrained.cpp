#include "train/pretrained.h"

#include <camber/import.h>

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

std::string load_encoder_weights(nets::Net& net, const std::string& file) {
    ImportOptions options;
    options.encoder_only = true;
    options.encoder_paths = net.encoder_paths();
    options.bgr_input = net.preprocessing().order == nets::ChannelOrder::bgr;
    if (options.encoder_paths.empty()) fail_usage("{} has no encoder to fill from a classifier's weights", net.name());
    const ImportReport report = import_weights(*WeightFile::open(file), net, options);
    if (!report.missing.empty() || !report.wrong_shape.empty()) {
        fail("{} does not fill the encoder of {}: {}", file, net.name(),
             report.missing.empty()
                 ? fmt::format("{} is {} there", report.wrong_shape[0].source, report.wrong_shape[0].source_shape)
                 : fmt::format("it has nothing for {}", report.missing[0]));
    }
    return fmt::format("the encoder starts from {} ({} tensors, names as in {})", file, report.matched.size(),
                       report.from);
}

void freeze_encoder(nets::Net& net, bool batch_norms_too) {
    const std::vector<std::string> paths = net.encoder_paths();
    if (paths.empty()) fail_usage("{} has no encoder to freeze", net.name());
    for (auto& [path, module] : net.named_modules())
        if (std::find(paths.begin(), paths.end(), path) != paths.end()) module->set_trainable(false, batch_norms_too);
}

}  // namespace camber
