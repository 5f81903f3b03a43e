// Trains a classifier of generated shapes with the engine's parts: layers, tape, loss, optimizer. `camber::train()`
// (train.h) puts the same parts together for segmentation, with data, checkpoints and metrics.
#include <camber/autograd.h>
#include <camber/layers.h>
#include <camber/optim.h>
#include <camber/parameter_buffer.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

using namespace camber;

namespace {

constexpr int side = 24, batch = 64;
constexpr std::uint32_t kinds = 3;  // disc, square, triangle

struct Batch {
    Tensor pictures;  ///< f32 [N, side, side, 1]
    Tensor labels;    ///< u8 [N, 1, 1]
};

/// Noisy pictures of one shape each, of any place and size.
Batch draw(Philox& random) {
    std::vector<float> pixels;
    std::vector<std::uint8_t> labels;
    for (int n = 0; n < batch; ++n) {
        const std::uint32_t kind = random.below(kinds);
        const float r = random.uniform(5, 9), x0 = random.uniform(r, side - r), y0 = random.uniform(r, side - r);
        for (int y = 0; y < side; ++y) {
            for (int x = 0; x < side; ++x) {
                const float dx = std::abs(x + 0.5f - x0), dy = y + 0.5f - y0;
                const bool inside = kind == 0   ? dx * dx + dy * dy < r * r
                                    : kind == 1 ? std::max(dx, std::abs(dy)) < 0.8f * r
                                                : dy < 0.8f * r && dx < 0.5f * (dy + r);
                pixels.push_back((inside ? 1.0f : 0.0f) + 0.3f * random.normal());
            }
        }
        labels.push_back(static_cast<std::uint8_t>(kind));
    }
    return {Tensor::from(pixels, {batch, side, side, 1}, Device::cpu),
            Tensor::from(labels, {batch, 1, 1}, Device::cpu)};
}

void add_level(nn::Sequential& net, int in, int out) {
    net.push<nn::Conv2d>(nn::Conv2dOptions{.in = in, .out = out, .bias = false});
    net.push<nn::BatchNorm2d>(out, nn::pytorch_batch_norm(true));  // with ReLU
    net.push<nn::MaxPool2d>();
}

}  // namespace

int main() {
    nn::Sequential net;
    add_level(net, 1, 16);
    add_level(net, 16, 32);
    net.push<nn::GlobalAvgPool>();
    net.push<nn::Linear>(32, kinds);  // logits [N, 1, 1, kinds]
    nn::ParameterBuffer parameters(net, {.device = Device::cpu, .seed = 1});
    Optimizer optimizer(parameters.values(), parameters.gradients(), {{"all", 0, parameters.values().shape()}});

    Philox random({.seed = 1, .stream = Stream::synthesis});
    for (int step = 1; step <= 150; ++step) {
        const Batch shapes = draw(random);
        parameters.zero_grad();
        const Tensor logits = net.forward(shapes.pictures);
        const Tensor loss = ops::segmentation_loss(logits, shapes.labels, {.cross_entropy = 1}).loss;
        backward(loss);
        optimizer.step(0.01);
        if (step % 25 == 0) fmt::print("step {:3}: loss {:.3f}\n", step, loss.item());
    }

    net.eval();
    const NoGrad no_grad;
    const Batch shapes = draw(random);
    const auto predicted = ops::argmax(net.forward(shapes.pictures)).to_vector<std::uint8_t>();
    const auto truth = shapes.labels.to_vector<std::uint8_t>();
    const int right =
        std::inner_product(truth.begin(), truth.end(), predicted.begin(), 0, std::plus{}, std::equal_to{});
    fmt::print("new shapes: {:.1f}% right\n", 100.0 * right / batch);
}
