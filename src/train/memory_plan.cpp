#include <camber/autograd.h>
#include <camber/loader.h>
#include <camber/memory_plan.h>

#include <algorithm>

#include "backend/meta/meta.h"
#include "train/input_size.h"
#include "train/loss.h"
#include "train/parameter_options.h"
#include "train/pretrained.h"
#include "train/stepper.h"

namespace camber {
namespace {

MemoryStats counted() { return device_memory(Device::meta).stats(); }

/// The model without elements.
Model shapes_of(const TrainConfig& config, const ClassTable& classes, bool training) {
    Model model{config, nullptr, nullptr, classes, {}, {}};
    resolve_device(model.config);
    model.net = nets::make_net(config.net, config.net_options);
    model.net->train(training);
    if (training) freeze_encoder(*model.net, config.freeze_encoder, config.freeze_batch_norms);
    nn::ParameterBufferOptions options = parameter_options(model, training);
    options.device = Device::meta;
    model.parameters = std::make_unique<nn::ParameterBuffer>(*model.net, options);
    model.config.device = Device::meta;
    return model;
}

/// What two loaders, for training and for validation, keep in memory: the batch in use, and those made ahead.
std::vector<Tensor> loader_batches(const Model& model) {
    const TrainConfig& config = model.config;
    std::vector<Tensor> tensors;
    for (const InputSize& size : {InputSize{config.height, config.width}, input_size(config)}) {
        for (int i = 0; i < LoaderConfig().prefetch + 1; ++i) {
            tensors.push_back(Tensor::empty({config.batch, size.height, size.width, model.net->in_channels()},
                                            Dtype::f32, Device::meta));
            tensors.push_back(Tensor::empty({config.batch, size.height, size.width}, Dtype::u8, Device::meta));
        }
    }
    return tensors;
}

}  // namespace

MemoryPlan plan_memory(const TrainConfig& config, const ClassTable& classes) {
    TrainConfig resolved = config;
    resolve_device(resolved);
    PlannedBackend planned(is_host(*resolved.device) ? &backend(*resolved.device) : nullptr);
    DeviceMemory& memory = device_memory(Device::meta);
    memory.trim();
    const MemoryStats before = counted();
    const auto most = [&] { return static_cast<std::int64_t>(counted().peak - before.current); };
    MemoryPlan plan;
    const auto infer = [&](const Model& model) {
        const NoGrad no_grad;
        const auto [height, width] = input_size(config);
        const Shape shape = {config.batch, height, width, model.net->in_channels()};
        const Tensor labels = Tensor::empty({config.batch, height, width}, Dtype::u8, Device::meta);
        const Tensor images = Tensor::empty(shape, model.dtype(), Device::meta);
        model_loss(model, class_logits(model, model.net->forward(images)), labels, classes.void_id);
    };
    {
        const Model model = shapes_of(config, classes, false);
        plan.weights = static_cast<std::int64_t>(counted().current - before.current);
        memory.reset_peak();
        infer(model);
        plan.inference = most();
    }
    memory.trim();
    memory.reset_peak();
    const auto held_before = static_cast<std::int64_t>(counted().reserved);
    {
        Model model = shapes_of(config, classes, true);
        Stepper stepper(model, [&](std::int64_t) { return Stepper::Numbers{config.lr, 0}; });
        const Batch batch = {stepper.buffers().images, stepper.buffers().labels, {}, {}, 0, 0};
        std::vector<Tensor> loaded;
        if (is_host(*resolved.device)) loaded = loader_batches(model);
        // As a run has them: a validation's tensors leave other gaps.
        for (int i = 0; i < 4; ++i) {
            stepper.micro_batch(batch, i, 0, 1);
            if (i % 2 == 0) continue;
            model.net->eval();
            infer(model);
            model.net->train();
        }
        plan.run = plan.training = most();
        for (const Tensor& tensor : loaded) plan.training -= static_cast<std::int64_t>(tensor.bytes());
        plan.held = static_cast<std::int64_t>(counted().reserved) - held_before;
    }
    plan.code = static_cast<std::int64_t>(planned.code_bytes());
    memory.trim();
    return plan;
}

}  // namespace camber
