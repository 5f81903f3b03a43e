// Trains a small U-Net on generated street scenes.
#include <camber/autograd.h>
#include <camber/loader.h>
#include <camber/nets.h>
#include <camber/ops.h>
#include <camber/optim.h>
#include <camber/parameter_buffer.h>
#include <camber/synth.h>
#include <fmt/format.h>

using namespace camber;

int main() {
    std::vector<Image> images, labels;
    for (int i = 0; i < 64; ++i) {
        const Scene scene = generate_scene(1, i, 96, 128);
        images.push_back(scene.image), labels.push_back(scene.label);
    }
    const Dataset dataset = Dataset::from_samples(images, labels, camvid11());
    Loader loader(dataset, {.batch_size = 4, .height = 96, .width = 128, .shuffle = true});
    const auto net = nets::make_unet({.width = 8, .depth = 3, .style = nets::Style::pytorch});
    nn::ParameterBuffer parameters(*net);
    Optimizer optimizer(parameters.values(), parameters.gradients(), {{"all", 0, parameters.values().shape()}});
    for (int step = 1; step <= 100; ++step) {
        const Batch& batch = loader.next();
        parameters.zero_grad();
        const Tensor logits = net->forward(batch.images);
        const Tensor loss = ops::segmentation_loss(logits, batch.labels, {.cross_entropy = 1, .ignore_index = 11}).loss;
        backward(loss);
        optimizer.step(0.01);
        if (step % 20 == 0) fmt::print("step {:3}: loss {:.3f}\n", step, loss.item());
    }
}
