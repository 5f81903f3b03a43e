// Trains a small U-Net on generated street scenes and paints one that it has not met: picture, truth, what it sees.
#include <camber/autograd.h>
#include <camber/label_picture.h>
#include <camber/loader.h>
#include <camber/nets.h>
#include <camber/ops.h>
#include <camber/optim.h>
#include <camber/parameter_buffer.h>
#include <camber/synth.h>
#include <fmt/format.h>

using namespace camber;

int main() {
    const int height = 96, width = 128;
    std::vector<Image> images, labels;
    for (int i = 0; i < 64; ++i) {
        const Scene scene = generate_scene(1, i, height, width);
        images.push_back(scene.image), labels.push_back(scene.label);
    }
    const Dataset dataset = Dataset::from_samples(images, labels, camvid11());
    Loader loader(dataset, {.batch_size = 4, .height = height, .width = width, .shuffle = true});
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
    net->eval();
    const NoGrad no_grad;
    const Scene scene = generate_scene(2, 0, height, width);
    const Tensor input = Tensor::empty({1, height, width, 3}, Dtype::f32, Device::cpu);
    prepare_image(scene.image, {}, height, width, input.data<float>());
    Image seen(height, width, 1);
    seen.data = ops::argmax(net->forward(input)).to_vector<std::uint8_t>();
    write_png("scene.png", side_by_side(scene.image, scene.label, seen, camvid11()));
}
