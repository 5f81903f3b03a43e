#include "backend/augment_cases.h"

#include <camber/loader.h>
#include <camber/synth.h>
#include <doctest/doctest.h>

#include <cstring>

#include "support/compare.h"
#include "support/devices.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("augmenting gives the same bits on every device") {
    for (const Shape& batch : {Shape{1, 1, 1}, Shape{5, 5, 7}, Shape{2, 17, 300}, Shape{1, 3, 256}, Shape{4, 40, 33}}) {
        for (const int channels : {1, 3, 4}) check(augmented_batch(batch, {batch, 7, 5, channels}));
        for (const AugmentConfig& config : {Pictures::filtered(), Pictures::everything(), Pictures::but_filters()})
            for (const int channels : {1, 3, 4}) check(augmented_batch(batch, {batch, 7, 5, channels, config}));
        check(augmented_batch(batch, {batch, 2, 1, 1}));  // a row of the picture is shorter than what is read at once
        const Pictures pictures(batch, 7, 5, 3, Pictures::filtered());
        check(augmented_batch(batch, pictures, false));
        const Shape x{batch[0], batch[1], batch[2], 3};
        const Tensor source = pictures.inputs()[0].values(), samples = pictures.inputs()[1].values();
        const Tensor exact = Tensor::empty(x, Dtype::f32, Device::reference);
        backend(exact).augment(source, samples, pictures.needs, 11, exact, {});
        const Tensor rounded = converted(exact, Dtype::bf16, Device::reference);
        for (const Device device : computing_devices()) {
            const Tensor y = Tensor::empty(x, Dtype::bf16, device);
            backend(y).augment(source.to(device), samples.to(device), pictures.needs, 11, y, {});
            CHECK_MESSAGE(values_of(y) == values_of(rounded), name(device));
        }
    }
}

namespace {

void check_batches(const AugmentConfig& augment) {
    constexpr int count = 5, height = 24, width = 35;
    std::vector<Image> images, labels;
    std::vector<std::uint8_t> bytes;
    std::vector<std::int64_t> offsets;
    for (std::uint64_t i = 0; i < count; ++i) {
        Scene scene = generate_scene(7, i, 48, 64 + 8 * static_cast<int>(i));
        offsets.push_back(static_cast<std::int64_t>(bytes.size()));
        bytes.insert(bytes.end(), scene.image.data.begin(), scene.image.data.end());
        bytes.insert(bytes.end(), scene.label.data.begin(), scene.label.data.end());
        const std::vector<std::uint8_t> tables = equalisation_tables(scene.image);
        bytes.insert(bytes.end(), tables.begin(), tables.end());
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
    config.augment = augment;
    Loader loader(dataset, config);
    const Tensor source = Tensor::from(bytes, {static_cast<std::int64_t>(bytes.size())}, Device::reference);
    for (int step = 0; step < 4; ++step) {
        const Batch& batch = loader.next();
        std::vector<AugmentSample> samples;
        AugmentNeeds needs;
        for (const std::size_t item : batch.indices) {
            const auto kept = dataset.sample(item);
            const Image& image = kept->image;
            const AugmentParams params =
                sample_augmentation(config.augment, config.normalisation, config.seed, batch.epoch, item, image.height,
                                    image.width, height, width);
            const std::int64_t offset = offsets[item];
            const auto pixels = static_cast<std::int64_t>(image.pixels()), label = offset + 3 * pixels;
            samples.push_back({sampling_of(params, image.height, image.width, config.normalisation, 3, height, width),
                               offset, label, params.equalised ? label + pixels : -1});
            needs.add(samples.back());
        }
        std::vector<std::uint8_t> sample_bytes(samples.size() * sizeof(AugmentSample));
        std::memcpy(sample_bytes.data(), samples.data(), sample_bytes.size());
        const Tensor host = Tensor::from(sample_bytes, {static_cast<std::int64_t>(sample_bytes.size())}, Device::cpu);
        for (const Device device : computing_devices()) {
            const Tensor x = Tensor::empty(batch.images.shape(), Dtype::f32, device);
            const Tensor ids = Tensor::empty(batch.labels.shape(), Dtype::u8, device);
            backend(x).augment(source.to(device), host.to(device), needs, dataset.classes().void_id, x, ids);
            CHECK_MESSAGE(x.to_vector<float>() == batch.images.to_vector<float>(), name(device));
            CHECK_MESSAGE(ids.to_vector<std::uint8_t>() == batch.labels.to_vector<std::uint8_t>(), name(device));
        }
    }
}

}  // namespace

TEST_CASE("a batch made on the device is the loader's") {
    check_batches({});
    check_batches(Pictures::everything());
    check_batches(Pictures::but_filters());
}
