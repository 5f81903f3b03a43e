#include <camber/loader.h>
#include <camber/synth.h>
#include <doctest/doctest.h>

#include <cstring>

#include "backend/augment_pixel.h"
#include "backend/primitive.h"
#include "data/sampling.h"
#include "support/compare.h"
#include "support/devices.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

namespace {

Tensor random_bytes(const Shape& shape, std::uint64_t seed) {
    Philox random({seed, Stream::init, 2});
    std::vector<std::uint8_t> values(static_cast<std::size_t>(shape.numel()));
    for (auto& value : values) value = static_cast<std::uint8_t>(random.below(256));
    return Tensor::from(values, shape, Device::reference);
}

/// Pictures one after another with gaps between, some without a label map, each augmented differently.
struct Pictures {
    Tensor source, samples;

    Pictures(int count, int out_height, int out_width) {
        std::vector<AugmentSample> all;
        std::int64_t end = 1;  // no picture begins at a multiple of anything
        for (int i = 0; i < count; ++i) {
            const int height = 7 + 6 * i, width = 5 + 11 * i;
            const AugmentConfig config{.scale_min = 0.3f,
                                       .scale_max = 3.0f,
                                       .flip_vertical = 0.5f,
                                       .emboss = 0.2f,
                                       .edges = 0.2f,
                                       .sharpen = 0.2f};
            const auto params = sample_augmentation(config, {}, 5, i, static_cast<std::size_t>(i), height, width,
                                                    out_height, out_width);
            AugmentSample sample{sampling_of(params, height, width, {}, out_height, out_width), end, -1};
            end += height * width * 3 + 2;
            if (i % 3 != 1) {
                sample.label_offset = end;
                end += height * width;
            }
            all.push_back(sample);
        }
        std::vector<std::uint8_t> bytes(all.size() * sizeof(AugmentSample));
        std::memcpy(bytes.data(), all.data(), bytes.size());
        source = random_bytes({end}, 3);
        samples = Tensor::from(bytes, {static_cast<std::int64_t>(bytes.size())}, Device::reference);
    }
};

}  // namespace

TEST_CASE("augmenting gives the same bits on every device") {
    for (const auto& [n, h, w] : {std::tuple{1, 1, 1}, {5, 5, 7}, {2, 17, 300}, {1, 3, 256}, {4, 40, 33}}) {
        const Pictures pictures(n, h, w);
        const std::vector<Input> inputs = {{pictures.source, Kind::u8}, {pictures.samples, Kind::u8}};
        const Shape x{n, h, w, 3}, labels{n, h, w};
        check({.name = fmt::format("augment {}", x.str()),
               .inputs = inputs,
               .outputs = {{"x", x}, {"labels", labels, Kind::u8}},
               .run = [](Backend& b, auto& in, auto& out) { b.augment(in[0], in[1], 11, out[0], out[1]); },
               .f32_tolerance = 0,
               .bf16_tolerance = 4e-3});
        check({.name = fmt::format("augment {} without labels", x.str()),
               .inputs = inputs,
               .outputs = {{"x", x}},
               .run = [](Backend& b, auto& in, auto& out) { b.augment(in[0], in[1], 11, out[0], {}); },
               .f32_tolerance = 0,
               .bf16_tolerance = 4e-3});
        const Tensor exact = Tensor::empty(x, Dtype::f32, Device::reference);
        backend(exact).augment(pictures.source, pictures.samples, 11, exact, {});
        const Tensor rounded = converted(exact, Dtype::bf16, Device::reference);
        for (const Device device : computing_devices()) {
            const Tensor y = Tensor::empty(x, Dtype::bf16, device);
            backend(y).augment(pictures.source.to(device), pictures.samples.to(device), 11, y, {});
            CHECK_MESSAGE(values_of(y) == values_of(rounded), name(device));
        }
    }
}

TEST_CASE("labels in colour, alone and over a picture") {
    const Input palette = {random_bytes({256, 3}, 1), Kind::u8};
    for (const Shape& shape : {Shape{1, 1, 1}, Shape{1, 1, 4}, Shape{2, 5, 7}, Shape{3, 16, 24}, Shape{1, 33, 61}}) {
        const Input labels = {random_bytes(shape, 2), Kind::u8};
        const Shape coloured{shape[0], shape[1], shape[2], 3};
        const Input image = {random_bytes(coloured, 3), Kind::u8};
        check({.name = "color_labels " + shape.str(),
               .inputs = {labels, palette},
               .outputs = {{"y", coloured, Kind::u8}},
               .run = [](Backend& b, auto& in, auto& out) { b.color_labels(in[0], in[1], out[0]); },
               .f32_tolerance = 0,
               .bf16_tolerance = 0});
        for (const int opacity : {0, 1, 128, 255, 256}) {
            check({.name = fmt::format("overlay {} {}", shape.str(), opacity),
                   .inputs = {image, labels, palette},
                   .outputs = {{"y", coloured, Kind::u8}, {"in place", coloured, Kind::u8}},
                   .run =
                       [=](Backend& b, auto& in, auto& out) {
                           b.overlay(in[0], in[1], in[2], opacity, out[0]);
                           out[1].copy_from(in[0]);
                           b.overlay(out[1], in[1], in[2], opacity, out[1]);
                       },
                   .f32_tolerance = 0,
                   .bf16_tolerance = 0});
        }
    }
}

TEST_CASE("labels in colour: the numbers") {
    std::vector<std::uint8_t> colours(768, 0);
    colours[3] = 255, colours[4] = 100, colours[5] = 1;  // of label 1
    const Tensor palette = Tensor::from(colours, {256, 3}, Device::reference);
    const Tensor labels = Tensor::from(std::vector<std::uint8_t>{0, 1}, {1, 1, 2}, Device::reference);
    const Tensor image =
        Tensor::from(std::vector<std::uint8_t>{10, 20, 255, 10, 20, 255}, {1, 1, 2, 3}, Device::reference);
    for (const Device device : computing_devices()) {
        const Tensor y = Tensor::empty({1, 1, 2, 3}, Dtype::u8, device);
        backend(y).color_labels(labels.to(device), palette.to(device), y);
        CHECK(y.to_vector<std::uint8_t>() == std::vector<std::uint8_t>{0, 0, 0, 255, 100, 1});
        backend(y).overlay(image.to(device), labels.to(device), palette.to(device), 128, y);
        CHECK(y.to_vector<std::uint8_t>() == std::vector<std::uint8_t>{5, 10, 128, 133, 60, 128});
    }
}

TEST_CASE("a batch made on the device is the loader's") {
    constexpr int count = 5, height = 24, width = 35;
    std::vector<Image> images, labels;
    std::vector<std::uint8_t> bytes;
    std::vector<std::int64_t> offsets;
    for (std::uint64_t i = 0; i < count; ++i) {
        Scene scene = generate_scene(7, i, 48, 64 + 8 * static_cast<int>(i));
        offsets.push_back(static_cast<std::int64_t>(bytes.size()));
        bytes.insert(bytes.end(), scene.image.data.begin(), scene.image.data.end());
        bytes.insert(bytes.end(), scene.label.data.begin(), scene.label.data.end());
        images.push_back(std::move(scene.image));
        labels.push_back(std::move(scene.label));
    }
    const Dataset dataset = Dataset::from_samples(std::move(images), std::move(labels), camvid11());
    LoaderConfig config;
    config.batch_size = 3;
    config.height = height;
    config.width = width;
    config.shuffle = true;
    config.seed = 42;
    Loader loader(dataset, config);
    const Tensor source = Tensor::from(bytes, {static_cast<std::int64_t>(bytes.size())}, Device::reference);
    for (int step = 0; step < 4; ++step) {
        const Batch& batch = loader.next();
        std::vector<AugmentSample> samples;
        for (const std::size_t item : batch.indices) {
            const Image& image = dataset.image(item);
            const AugmentParams params =
                sample_augmentation(config.augment, config.normalisation, config.seed, batch.epoch, item, image.height,
                                    image.width, height, width);
            const std::int64_t offset = offsets[item];
            samples.push_back({sampling_of(params, image.height, image.width, config.normalisation, height, width),
                               offset, offset + static_cast<std::int64_t>(image.data.size())});
        }
        std::vector<std::uint8_t> sample_bytes(samples.size() * sizeof(AugmentSample));
        std::memcpy(sample_bytes.data(), samples.data(), sample_bytes.size());
        const Tensor host = Tensor::from(sample_bytes, {static_cast<std::int64_t>(sample_bytes.size())}, Device::cpu);
        for (const Device device : computing_devices()) {
            const Tensor x = Tensor::empty(batch.images.shape(), Dtype::f32, device);
            const Tensor ids = Tensor::empty(batch.labels.shape(), Dtype::u8, device);
            backend(x).augment(source.to(device), host.to(device), dataset.classes().void_id, x, ids);
            CHECK_MESSAGE(x.to_vector<float>() == batch.images.to_vector<float>(), name(device));
            CHECK_MESSAGE(ids.to_vector<std::uint8_t>() == batch.labels.to_vector<std::uint8_t>(), name(device));
        }
    }
}
