#include "step/training_step.h"

#include <camber/autograd.h>
#include <camber/ops.h>
#include <camber/philox.h>

#include <cstring>

namespace camber::bench {
namespace {

constexpr int classes = 11;

std::vector<ParameterRange> ranges_of(const nn::ParameterBuffer& parameters) {
    std::vector<ParameterRange> ranges;
    for (const auto& entry : parameters.parameters())
        ranges.push_back({entry.name, entry.begin, entry.tensor().shape(), 0});
    return ranges;
}

nlohmann::json with_defaults(const StepSize& size) {
    nlohmann::json options = {{"classes", classes}};
    if (size.net == "unet") options["dropout"] = 0.0;
    options.update(size.options);
    return options;
}

/// As the trainer's.
bool on_gpu_in_bf16(const StepSize& size) { return size.dtype == Dtype::bf16 && !is_host(size.device); }

}  // namespace

std::unique_ptr<nets::Net> make_net(const StepSize& size) { return nets::make_net(size.net, with_defaults(size)); }

TrainingStep::TrainingStep(const StepSize& size)
    : size_(size),
      net_(make_net(size)),
      parameters_(*net_,
                  {.device = size.device, .rounded = on_gpu_in_bf16(size), .padded_heads = on_gpu_in_bf16(size)}),
      optimizer_(parameters_.values(), parameters_.gradients(), ranges_of(parameters_), {ParameterGroup{}},
                 {.rule = Adam{}}) {
    Philox random({1, Stream::synthesis, 0});
    const Shape shape = {size.batch, size.size, size.size, 3};
    std::vector<float> pixels(static_cast<std::size_t>(shape.numel()));
    std::vector<std::uint8_t> ids(pixels.size() / 3);
    for (float& pixel : pixels) pixel = random.uniform();
    // A pixel's class is how red it is, so that the loss falls where training works.
    const auto count = static_cast<float>(net_->classes());
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint8_t>(pixels[3 * i] * count);
    images_ = Tensor::from(pixels, shape, size.device);
    labels_ = Tensor::from(ids, {size.batch, size.size, size.size}, size.device);
}

void TrainingStep::work() {
    net_->context().draws = 0;  // dropout's masks are those of the first step
    parameters_.zero_grad();
    const auto loss_of = [&](const Tensor& logits) {
        const SegmentationLossParams params = {.cross_entropy = 1, .classes = net_->classes()};
        return ops::segmentation_loss(logits, labels_, params, {}, {}, {.class_sums = false}).loss;
    };
    const nets::Outputs outputs = net_->forward_all(ops::cast(images_, size_.dtype));
    Tensor loss = loss_of(outputs.logits);
    for (const auto& [logits, weight] : outputs.auxiliary) loss = ops::add(loss, ops::scale(loss_of(logits), weight));
    backward(loss);
    parameters_.complete_gradients();
    optimizer_.launch_step();
    loss_ = loss.detach();
}

void TrainingStep::run() {
    optimizer_.prepare_step(1e-3);
    if (recording_) {
        recording_->replay();
    } else {
        work();
    }
}

std::string TrainingStep::record() {
    try {
        recording_ = backend(size_.device).record([this] { work(); });
        return recording_ ? "" : "the device does not record steps";
    } catch (const Error& error) {
        clear_tape();
        return error.what();
    }
}

std::uint64_t TrainingStep::checksum() const {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const float value : parameters_.values().to_vector<float>()) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        hash = (hash ^ bits) * 0x100000001b3u;
    }
    return hash;
}

}  // namespace camber::bench
