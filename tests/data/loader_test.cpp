#include <camber/loader.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "small_dataset.h"
#include "support/errors.h"

using namespace camber;
using namespace camber::testing;

namespace {

struct Copy {
    std::vector<float> images;
    std::vector<std::uint8_t> labels;
    std::vector<std::size_t> indices;
    std::int64_t epoch, index;
    bool operator==(const Copy&) const = default;
};

Copy copy_of(const Batch& batch) {
    return {batch.images.to_vector<float>(), batch.labels.to_vector<std::uint8_t>(), batch.indices, batch.epoch,
            batch.index};
}

LoaderConfig small_config(int threads) {
    LoaderConfig config;
    config.batch_size = 3;
    config.height = 8;
    config.width = 10;
    config.shuffle = true;
    config.seed = 42;
    config.threads = threads;
    return config;
}

std::vector<Copy> take(Loader& loader, int count) {
    std::vector<Copy> batches;
    for (int i = 0; i < count; ++i) batches.push_back(copy_of(loader.next()));
    return batches;
}

}  // namespace

TEST_CASE("batches: shapes, order, every sample once an epoch") {
    const Dataset dataset = patterned_dataset(10, 12, 16);
    LoaderConfig config = small_config(2);
    Loader loader(dataset, config);
    CHECK(loader.batches_per_epoch() == 4);
    std::vector<std::vector<std::size_t>> orders;
    for (int epoch = 0; epoch < 2; ++epoch) {
        std::vector<std::size_t> order;
        for (int b = 0; b < 4; ++b) {
            const Batch& batch = loader.next();
            CHECK(batch.epoch == epoch);
            CHECK(batch.index == b);
            const std::int64_t n = b < 3 ? 3 : 1;
            CHECK(batch.images.shape() == Shape{n, 8, 10, 3});
            CHECK(batch.labels.shape() == Shape{n, 8, 10});
            CHECK(batch.images.dtype() == Dtype::f32);
            CHECK(batch.labels.dtype() == Dtype::u8);
            order.insert(order.end(), batch.indices.begin(), batch.indices.end());
        }
        CHECK(std::set<std::size_t>(order.begin(), order.end()).size() == 10);
        orders.push_back(order);
    }
    CHECK(orders[0] != orders[1]);

    config.drop_last = true;
    CHECK(Loader(dataset, config).batches_per_epoch() == 3);
    config.shuffle = false;
    CHECK(Loader(dataset, config).next().indices == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("the same batches for any number of threads and any prefetch") {
    const Dataset dataset = patterned_dataset(10, 12, 16);
    Loader alone(dataset, small_config(0));
    const std::vector<Copy> expected = take(alone, 10);
    for (const int threads : {1, 2, 3}) {
        for (const int prefetch : {1, 4}) {
            LoaderConfig config = small_config(threads);
            config.prefetch = prefetch;
            Loader loader(dataset, config);
            CHECK(take(loader, 10) == expected);
        }
    }
}

TEST_CASE("starting or seeking anywhere continues the same sequence") {
    const Dataset dataset = patterned_dataset(10, 12, 16);
    Loader whole(dataset, small_config(2));
    const std::vector<Copy> expected = take(whole, 12);
    for (int start = 0; start < 8; ++start) {
        Loader loader(dataset, small_config(2), start / 4, start % 4);
        const auto begin = expected.begin() + start;
        CHECK(take(loader, 4) == std::vector<Copy>(begin, begin + 4));
        loader.seek(0, 1);
        CHECK(take(loader, 2) == std::vector<Copy>(expected.begin() + 1, expected.begin() + 3));
    }
}

TEST_CASE("another seed gives another order and other augmentation") {
    const Dataset dataset = patterned_dataset(10, 12, 16);
    LoaderConfig config = small_config(1);
    Loader first(dataset, config);
    config.seed = 43;
    Loader second(dataset, config);
    CHECK_FALSE(take(first, 1) == take(second, 1));
}

TEST_CASE("without augmentation a batch is the plain resize") {
    const Dataset dataset = patterned_dataset(4, 12, 16);
    LoaderConfig config = small_config(1);
    config.augment.enabled = false;
    config.shuffle = false;
    Loader loader(dataset, config);
    const Copy batch = copy_of(loader.next());
    std::vector<float> expected(8 * 10 * 3);
    for (std::size_t i = 0; i < 3; ++i) {
        prepare_image(dataset.sample(i)->image, config.normalisation, 8, 10, expected.data());
        CHECK(std::equal(expected.begin(), expected.end(),
                         batch.images.begin() + static_cast<std::ptrdiff_t>(i * expected.size())));
    }
}

TEST_CASE("buffers are reused: no allocation after the first batches") {
    const Dataset dataset = patterned_dataset(10, 12, 16);
    Loader loader(dataset, small_config(2));
    for (int i = 0; i < 4; ++i) loader.next();
    const auto before = device_memory(Device::cpu).stats().requests;
    for (int i = 0; i < 12; ++i) loader.next();
    CHECK(device_memory(Device::cpu).stats().requests == before);
}

TEST_CASE("a loader may go at any moment, with work under way") {
    const Dataset dataset = patterned_dataset(10, 60, 80);
    for (int i = 0; i < 30; ++i) {
        Loader loader(dataset, small_config(1 + i % 3));
        for (int b = 0; b < i % 3; ++b) loader.next();
    }
}

TEST_CASE("impossible configurations are misuse, said at once") {
    const Dataset dataset = patterned_dataset(2, 12, 16);
    const auto error = [&](auto&& change) {
        LoaderConfig config = small_config(1);
        change(config);
        return error_of([&] { Loader loader(dataset, config); });
    };
    CHECK(mentions(error([](auto& c) { c.batch_size = 0; }), {"batch size 0"}));
    CHECK(mentions(error([](auto& c) { c.drop_last = true; }), {"2 images", "batch of 3"}));
    CHECK(mentions(error([](auto& c) { c.prefetch = 0; }), {"prefetch"}));
    CHECK(mentions(error([](auto& c) { c.device = Device::meta; }), {"meta"}));
    CHECK(mentions(error([](auto& c) { c.augment.scale_max = 0.1f; }), {"scale"}));
    CHECK(mentions(error([](auto& c) { c.augment.contrast = 2; }), {"colour range"}));
    CHECK(mentions(error_of([&] { Loader loader(dataset, small_config(1), 0, 1); }), {"batch 1"}));
}

TEST_CASE("what fails in a worker reaches the consumer, again and again") {
    // A picture of two channels slips past the type system, not past augmentation.
    Dataset dataset = patterned_dataset(4, 12, 16);
    const_cast<Image&>(dataset.sample(3)->image).channels = 2;
    LoaderConfig config = small_config(2);
    config.shuffle = false;
    config.batch_size = 2;
    Loader loader(dataset, config);
    loader.next();
    CHECK(mentions(error_of([&] { loader.next(); }), {"2 channels"}));
    CHECK(mentions(error_of([&] { loader.next(); }), {"2 channels"}));
    loader.seek(0, 0);
    CHECK(loader.next().index == 0);
}
