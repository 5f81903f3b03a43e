#include "train/pretrained.h"

#include <camber/import.h>
#include <camber/safetensors.h>
#include <camber/synth.h>
#include <doctest/doctest.h>

#include "support/errors.h"
#include "support/files.h"
#include "train/stepper.h"

using namespace camber;

TEST_CASE("an encoder starts from a classifier's weights and stays as it is when frozen, its batch norms apart") {
    const testing::TemporaryFolder folder;
    const std::string file = (folder / "resnet34.safetensors").string();
    {
        const auto classifier = nets::make_net("resnet34");
        const nn::ParameterBuffer memory(*classifier, {.seed = 3, .gradients = false});
        write_safetensors(file, export_weights(*classifier));
    }
    TrainConfig config;
    config.net = "smp-unet-resnet34";
    config.net_options = {{"classes", camvid11().count()}};
    config.encoder_weights = file;
    config.freeze_encoder = true;
    config.device = Device::cpu;
    config.dtype = Dtype::f32;
    config.batch = 1;
    config.height = config.width = 32;
    Model model = make_model(config, camvid11(), true, true);
    CHECK(testing::mentions(model.start, {"resnet34.safetensors", "torchvision"}));

    const auto classifier = nets::make_net("resnet34");
    const nn::ParameterBuffer expected(*classifier, {.seed = 3, .gradients = false});
    const auto values = [&](const char* name) { return model.parameters->find(name)->tensor().to_vector<float>(); };
    const auto weight = values("encoder.layer1.0.conv1.weight"), norm = values("encoder.layer1.0.bn1.weight");
    const auto decoder = values("decoder.blocks.0.conv1.0.weight");
    CHECK(weight == expected.find("layer1.0.conv1.weight")->tensor().to_vector<float>());

    Stepper stepper(model, Stepper::scheduled(model.config, 10));
    const Scene scene = generate_scene(1, 0, 32, 32);
    Batch batch;
    batch.images = Tensor::empty({1, 32, 32, 3}, Dtype::f32, Device::cpu);
    prepare_image(scene.image, config.normalisation, 32, 32, batch.images.data<float>());
    batch.labels = Tensor::from(scene.label.data, {1, 32, 32}, Device::cpu);
    for (int i = 0; i < 3; ++i) stepper.micro_batch(batch, i, 0, 1);
    CHECK(values("encoder.layer1.0.conv1.weight") == weight);
    CHECK(values("encoder.layer1.0.bn1.weight") != norm);
    CHECK(values("decoder.blocks.0.conv1.0.weight") != decoder);
}

TEST_CASE("a network without an encoder of its own takes no encoder weights") {
    const auto net = nets::make_net("unet");
    CHECK(testing::error_of([&] { load_encoder_weights(*net, "x"); }) ==
          "--encoder-weights: unet has no encoder of its own");
    CHECK(testing::error_of([&] { freeze_encoder(*net, true, false); }) ==
          "--freeze-encoder: unet has no encoder of its own");
}

TEST_CASE("preprocessing of 0..255 and of BGR becomes a normalisation of RGB in [0, 1]") {
    const Normalisation caffe = input_normalisation(nets::caffe_preprocessing());
    const double v = 0.4;  // red of 102
    CHECK((v - caffe.mean[0]) / caffe.std[0] == doctest::Approx(102 - 123.68));
    const Normalisation imagenet = input_normalisation(nets::imagenet_preprocessing());
    CHECK(imagenet.mean[2] == doctest::Approx(0.406));
    CHECK(imagenet.std[2] == doctest::Approx(0.225));
}
