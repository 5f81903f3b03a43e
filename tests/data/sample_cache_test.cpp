#include <camber/loader.h>
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "data/label_runs.h"
#include "data/sample_cache.h"
#include "small_dataset.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

/// Every value of two epochs.
std::vector<float> two_epochs(const Dataset& dataset, int threads) {
    LoaderConfig config;
    config.batch_size = 3;
    config.height = 8;
    config.width = 10;
    config.shuffle = true;
    config.seed = 7;
    config.threads = threads;
    Loader loader(dataset, config);
    std::vector<float> values;
    for (std::int64_t b = 0; b < 2 * loader.batches_per_epoch(); ++b) {
        const Batch& batch = loader.next();
        for (const float value : batch.images.to_vector<float>()) values.push_back(value);
        for (const std::uint8_t id : batch.labels.to_vector<std::uint8_t>()) values.push_back(id);
        CHECK(batch.samples.size() == batch.indices.size());
    }
    return values;
}

/// 48x64 JPEGs with label maps.
void write_jpeg_dataset(const fs::path& folder) {
    write_small_dataset(folder, 2, 48, 64);
    for (const char* name : {"000", "001"}) {
        fs::remove(folder / "train" / (std::string(name) + ".png"));
        write_bytes(folder / "train" / (std::string(name) + ".jpg"), encode_jpeg(patterned_image(48, 64)));
    }
}

}  // namespace

TEST_CASE("batches are the same whatever is kept decoded, for any number of threads") {
    const TemporaryFolder folder;
    write_small_dataset(folder.path(), 10, 12, 16);
    DatasetOptions options;
    const Dataset whole = Dataset::open(folder.path(), "train", options);
    REQUIRE(whole.bytes() == 10 * 12 * 16 * 4);
    const std::vector<float> expected = two_epochs(whole, 0);
    for (const std::int64_t bytes : {std::int64_t{0}, whole.bytes() / 10, whole.bytes() - 1}) {
        options.cache_bytes = bytes;
        const Dataset bounded = Dataset::open(folder.path(), "train", options);
        for (const int threads : {0, 1, 3}) CHECK(two_epochs(bounded, threads) == expected);
        CHECK(bounded.label(3) == whole.sample(3)->label);
        CHECK(describe(bounded).fingerprint == describe(whole).fingerprint);
    }
}

TEST_CASE("no more is kept than fits, and what is kept is not made again") {
    std::atomic<int> made = 0;
    SampleCache cache(10, std::make_shared<CacheRoom>(3 * 40), [&](std::size_t i) {
        ++made;
        Sample sample;
        sample.image = Image(5, 2, 3);
        sample.label = Image(5, 2, 1);
        sample.label.data[0] = static_cast<std::uint8_t>(i);
        return sample;
    });
    for (int epoch = 0; epoch < 3; ++epoch)
        for (std::size_t i = 0; i < 10; ++i) CHECK(cache.get(i)->label.data[0] == i);
    CHECK(made == 10 + 7 + 7);
    int kept = 0;
    for (std::size_t i = 0; i < 10; ++i) kept += cache.find(i) != nullptr;
    CHECK(kept == 3);
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (std::size_t i = 0; i < 1000; ++i) wrong += cache.get(i % 10)->label.data[0] != i % 10;
        });
    for (auto& thread : threads) thread.join();
    CHECK(wrong == 0);
}

TEST_CASE("a label map is its runs, of any length") {
    Image label = patterned_label(7, 9);
    CHECK(LabelRuns(label).image() == label);
    const Image long_run(40, 50, 1);  // 2000 pixels
    CHECK(LabelRuns(long_run).image() == long_run);
    CHECK(LabelRuns(long_run).bytes() == 2 * 8);
    label = Image(1, 257, 1);
    label.data[256] = 3;
    CHECK(LabelRuns(label).image() == label);
    CHECK(LabelRuns(label).bytes() == 2 * 2);
}

TEST_CASE("of a dataset that does not fit, label maps are read once where their runs fit") {
    const TemporaryFolder folder;
    write_small_dataset(folder.path(), 6, 12, 16);
    DatasetOptions options;
    options.cache_bytes = 6 * 144;  // six runs a row of patterned_label(); a frame takes 768
    const Dataset dataset = Dataset::open(folder.path(), "train", options);
    CHECK(absent_classes(dataset).empty());  // as training does, looks at all
    fs::remove_all(folder / "trainannot");
    for (int i = 0; i < 6; ++i) {
        const auto sample = dataset.sample(static_cast<std::size_t>(i));
        CHECK(sample->image == patterned_image(12, 16, i));
        CHECK(sample->label == patterned_label(12, 16, i));
    }
}

TEST_CASE("what is wrong with a file that is decoded late reaches who wants the batch") {
    const TemporaryFolder folder;
    write_small_dataset(folder.path(), 4, 12, 16);
    DatasetOptions options;
    options.cache_bytes = 0;
    auto png = read_bytes(folder / "train/002.png");
    png[png.size() / 2] ^= 1;
    write_bytes(folder / "train/002.png", png);
    const Dataset dataset = Dataset::open(folder.path(), "train", options);
    CHECK(mentions(error_of([&] { two_epochs(dataset, 2); }), {"002.png: is damaged"}));
    write_png(folder / "train/002.png", patterned_image(6, 8));
    CHECK(mentions(error_of([&] { two_epochs(dataset, 2); }),
                   {"002.png: is 8x6, but was 16x12 (width x height) when the dataset was opened"}));
    options.cache_bytes = 1 << 20;
    CHECK(mentions(error_of([&] { Dataset::open(folder.path(), "train", options); }),
                   {"002.png: the label map is 16x12 but its image is 8x6"}));
}

TEST_CASE("a JPEG is decoded as small as may be, and its label map follows") {
    const TemporaryFolder folder;
    write_jpeg_dataset(folder.path());
    const auto extent = [&](int height, int width) {
        DatasetOptions options;
        options.least_height = height;
        options.least_width = width;
        const Dataset dataset = Dataset::open(folder.path(), "train", options);
        const auto sample = dataset.sample(1);
        CHECK(dataset.original_extent(1) == Extent{48, 64});
        CHECK(dataset.extent(1) == Extent{sample->image.height, sample->image.width});
        CHECK(dataset.extent(1) == Extent{sample->label.height, sample->label.width});
        CHECK(sample->original_label() == patterned_label(48, 64, 1));
        CHECK(sample->label == resize_nearest(patterned_label(48, 64, 1), sample->label.height, sample->label.width));
        CHECK(dataset.label(1) == sample->label);
        CHECK(dataset.bytes() == sample->bytes() * 2);
        return dataset.extent(1).height;
    };
    CHECK(extent(0, 0) == 48);
    CHECK(extent(25, 32) == 48);
    const bool shrinks = extent(24, 32) == 24;  // with libjpeg-turbo
    CHECK(extent(24, 32) == (shrinks ? 24 : 48));
    CHECK(extent(12, 20) == (shrinks ? 24 : 48));
    CHECK(extent(12, 16) == (shrinks ? 12 : 48));
    CHECK(extent(1, 1) == (shrinks ? 6 : 48));
}
