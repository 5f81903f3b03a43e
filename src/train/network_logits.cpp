#include "train/network_logits.h"

#include <camber/ops.h>

#include "inference/network.h"
#include "train/loss.h"

namespace camber {

Tensor network_logits(Model& model, const Tensor& pictures) {
    const Tensor x = ops::cast(pictures.to(model.device()), model.dtype());
    const bool by_layers = model.device() == Device::reference || RecordedWork::is_running();
    if (by_layers) return class_logits(model, model.net->forward(x));
    if (!model.programs) model.programs = std::make_shared<inference::Network>();
    return class_logits(model, model.programs->forward(*model.net, x));
}

void release_programs(Model& model) { model.programs = nullptr; }

bool do_without_programs(Model& model, const std::string& why) {
    return model.programs && model.programs->give_up(why);
}

}  // namespace camber
