// Pictures at their own size, whole and in tiles.
#include <camber/autograd.h>
#include <camber/prediction.h>
#include <camber/synth.h>
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "support/errors.h"
#include "support/files.h"
#include "train/tiles.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// A U-Net of one pooling: what a pixel's logits depend on is within 10 pixels.
Model small_model() {
    TrainConfig config;
    config.net = "unet";
    config.net_options = {{"classes", 5}, {"width", 4}, {"depth", 1}, {"dropout", 0.0}};
    config.height = config.width = 64;
    config.device = Device::cpu;
    config.dtype = Dtype::f32;
    return make_model(config, numbered_classes(5), false);
}

Image noise(int height, int width) {
    Image image(height, width, 3);
    unsigned state = 1;
    for (std::uint8_t& value : image.data)
        value = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    return image;
}

struct Whole {
    int classes = 0, width = 0, rows = 0;
    std::vector<float> logits;
    float at(int row, int column, int c) const {
        return logits[(static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
                       static_cast<std::size_t>(column)) *
                          static_cast<std::size_t>(classes) +
                      static_cast<std::size_t>(c)];
    }
};

Whole logits_of(Model& model, const Image& image) {
    Whole whole;
    predict_rows(model, image, [&](const LogitRows& rows) {
        CHECK(rows.top == whole.rows);
        whole.rows += static_cast<int>(rows.logits.dim(1));
        whole.width = static_cast<int>(rows.logits.dim(2));
        whole.classes = static_cast<int>(rows.logits.dim(3));
        const std::vector<float> values = rows.logits.to_vector<float>();
        whole.logits.insert(whole.logits.end(), values.begin(), values.end());
    });
    CHECK(whole.rows == image.height);
    CHECK(whole.width == image.width);
    return whole;
}

/// Bilinear with half-pixel centres, a value at a time.
double resized_at(const Whole& logits, int height, int width, int row, int column, int c) {
    const auto place = [](int i, int in, int out) { return std::max((i + 0.5) * in / out - 0.5, 0.0); };
    const double y = place(row, logits.rows, height), x = place(column, logits.width, width);
    const int top = static_cast<int>(y), left = static_cast<int>(x);
    const int bottom = std::min(top + 1, logits.rows - 1), right = std::min(left + 1, logits.width - 1);
    const double down = y - top, along = x - left;
    return (1 - down) * ((1 - along) * logits.at(top, left, c) + along * logits.at(top, right, c)) +
           down * ((1 - along) * logits.at(bottom, left, c) + along * logits.at(bottom, right, c));
}

using Probabilities = std::vector<double>;

/// Adds the probabilities of a pixel's logits.
void add_softmax(const std::function<double(int)>& logit, Probabilities& sums, std::size_t first, int classes) {
    double total = 0;
    for (int c = 0; c < classes; ++c) total += std::exp(logit(c));
    for (int c = 0; c < classes; ++c) sums[first + static_cast<std::size_t>(c)] += std::exp(logit(c)) / total;
}

/// The mean of the probabilities of logits, each resized to height x width.
Probabilities mean_of(const std::vector<Whole>& all, int height, int width) {
    const int classes = all[0].classes;
    Probabilities sums(static_cast<std::size_t>(height * width * classes));
    for (const Whole& one : all)
        for (int row = 0; row < height; ++row)
            for (int column = 0; column < width; ++column)
                add_softmax([&](int c) { return resized_at(one, height, width, row, column, c); }, sums,
                            static_cast<std::size_t>((row * width + column) * classes), classes);
    for (double& sum : sums) sum /= static_cast<double>(all.size());
    return sums;
}

double most_different(const Whole& logits, const Probabilities& expected) {
    double most = 0;
    Probabilities given(expected.size());
    for (int row = 0; row < logits.rows; ++row)
        for (int column = 0; column < logits.width; ++column)
            add_softmax([&](int c) { return logits.at(row, column, c); }, given,
                        static_cast<std::size_t>((row * logits.width + column) * logits.classes), logits.classes);
    for (std::size_t i = 0; i < given.size(); ++i) most = std::max(most, std::abs(given[i] - expected[i]));
    return most;
}

/// Rows that are nowhere in memory as a picture.
class HiddenRows : public PictureRows {
  public:
    explicit HiddenRows(const Image& image) : PictureRows(image.height, image.width, image.channels), rows_(&image) {}
    void read(int count, std::uint8_t* rows) override { rows_.read(count, rows); }

  private:
    ImageRows rows_;
};

}  // namespace

TEST_CASE("tiles cover a length, evenly and on the network's grid, and overlap as asked") {
    for (const int multiple : {1, 2, 16, 32})
        for (const int tile : {32, 64, 96})
            for (const int length : {96, 128, 992})
                for (const double overlap : {0.0, 0.25, 0.5, 0.95}) {
                    const std::vector<int> starts = tile_starts(length, tile, overlap, multiple);
                    CHECK(starts.front() == 0);
                    CHECK(starts.back() == length - tile);
                    const double most = std::max(static_cast<double>(multiple), tile * (1 - overlap));
                    for (std::size_t i = 1; i < starts.size(); ++i) {
                        CHECK(starts[i] % multiple == 0);
                        CHECK(starts[i] > starts[i - 1]);
                        CHECK(starts[i] - starts[i - 1] <= most);
                    }
                }
    CHECK(tile_starts(256, 256, 0.5, 32) == std::vector{0});
    CHECK(tile_starts(512, 256, 0.5, 1) == std::vector{0, 128, 256});
}

TEST_CASE("a tile's middle counts most") {
    const std::vector<float> weights = tile_weights(64);
    CHECK(weights[31] == weights[32]);
    CHECK(weights[0] == weights[63]);
    CHECK(weights[0] > 0);
    CHECK(weights[32 + 8] / weights[32] == doctest::Approx(std::exp(-(8.5 * 8.5 - 0.5 * 0.5) / 128)));
}

TEST_CASE("a picture of the input's size is the same whole, resized and as one tile, to the bit") {
    Model model = small_model();
    const Image image = noise(64, 64);
    const Whole resized = logits_of(model, image);
    model.inference.own_size = true;
    const Whole whole = logits_of(model, image);
    model.inference = {.tile_height = 64, .tile_width = 64};
    const Whole tile = logits_of(model, image);
    CHECK(whole.logits == resized.logits);
    CHECK(tile.logits == resized.logits);
}

TEST_CASE("tiled logits are the whole picture's where no tile's edge is near") {
    Model model = small_model();
    for (const auto& [height, width] : {std::pair{150, 203}, {64, 300}, {31, 40}}) {
        CAPTURE(height);
        CAPTURE(width);
        const Image image = noise(height, width);
        model.inference = {.own_size = true};
        const Whole whole = logits_of(model, image);
        model.inference = {.tile_height = 48, .tile_width = 64, .overlap = 0.5};
        const Whole tiled = logits_of(model, image);
        const auto near_edge = [](int at, int length, int tile) {
            const int padded = (length + 1) / 2 * 2;
            tile = std::min(tile, padded);
            for (const int start : tile_starts(padded, tile, 0.5, 2)) {
                if (at < start || at >= start + tile) continue;
                if ((start > 0 && at < start + 10) || (start + tile < padded && at >= start + tile - 10)) return true;
            }
            return false;
        };
        double most = 0;
        int compared = 0;
        for (int row = 0; row < height; ++row)
            for (int column = 0; column < width; ++column) {
                if (near_edge(row, height, 48) || near_edge(column, width, 64)) continue;
                ++compared;
                for (int c = 0; c < whole.classes; ++c)
                    most = std::max(most, std::abs(double{whole.at(row, column, c)} - tiled.at(row, column, c)));
            }
        CHECK(compared > 500);
        CHECK(most < 1e-4);
    }
}

TEST_CASE("scales: the mean of the probabilities of the picture at each size") {
    Model model = small_model();
    const Image image = noise(75, 110);
    const auto scaled = [&](double scale) {
        return scale == 1 ? image
                          : resize_area(image, static_cast<int>(std::lround(image.height * scale)),
                                        static_cast<int>(std::lround(image.width * scale)));
    };
    const std::vector<double> scales = {0.6, 1, 1.75};
    for (const bool flip : {false, true})
        for (InferenceOptions how : {InferenceOptions{.own_size = true},
                                     InferenceOptions{.tile_height = 32, .tile_width = 48, .overlap = 0.5}}) {
            CAPTURE(flip);
            CAPTURE(how.own_size);
            how.flip = flip;
            model.inference = how;
            std::vector<Whole> alone;
            for (const double scale : scales) alone.push_back(logits_of(model, scaled(scale)));
            const Probabilities expected = mean_of(alone, image.height, image.width);
            model.inference.scales = scales;
            CHECK(most_different(logits_of(model, image), expected) < 1e-5);
            model.inference.scales = {1};
            CHECK(most_different(logits_of(model, image), expected) > 1e-3);
        }
}

TEST_CASE("scales of the network's input: the mean of the probabilities at its size") {
    Model model = small_model();  // of 64x64
    const Image image = noise(90, 70);
    model.inference.scales = {0.5, 1.5};
    const Whole given = logits_of(model, image);
    std::vector<Whole> alone;
    model.inference = {.own_size = true};
    for (const int size : {32, 96}) {
        // What the network is given there, as a picture of its own size would be.
        Model at_size = small_model();
        at_size.config.height = at_size.config.width = size;
        Whole& logits = alone.emplace_back();
        logits.classes = 5;
        logits.rows = logits.width = size;
        const Tensor input = Tensor::empty({1, size, size, 3}, Dtype::f32, Device::cpu);
        prepare_image(image, at_size.config.normalisation, size, size, input.data<float>());
        const NoGrad no_grad;
        logits.logits = at_size.net->forward(input).to_vector<float>();
    }
    const Probabilities mean = mean_of(alone, 64, 64);
    Whole logarithms{5, 64, 64, {}};
    for (const double p : mean) logarithms.logits.push_back(static_cast<float>(std::log(p)));
    CHECK(most_different(given, mean_of({logarithms}, image.height, image.width)) < 1e-5);
}

TEST_CASE("a picture whose rows are read as they are needed has the same logits, to the bit") {
    Model model = small_model();
    for (const auto& [height, width] : {std::pair{150, 203}, {33, 70}, {1, 3}, {5, 64}}) {
        const Image image = noise(height, width);
        for (const InferenceOptions& how :
             {InferenceOptions{}, InferenceOptions{.own_size = true},
              InferenceOptions{.tile_height = 2, .tile_width = 64, .overlap = 0},
              InferenceOptions{.tile_height = 32, .tile_width = 48, .overlap = 0.5},
              InferenceOptions{.tile_height = 32, .tile_width = 32, .scales = {0.5, 1, 2}}}) {
            CAPTURE(height);
            CAPTURE(how.tile_height);
            model.inference = how;
            HiddenRows rows(image);
            std::vector<float> logits;
            predict_rows(model, rows, [&](const LogitRows& some) {
                const std::vector<float> values = some.logits.to_vector<float>();
                logits.insert(logits.end(), values.begin(), values.end());
            });
            CHECK(logits == logits_of(model, image).logits);
        }
    }
}

TEST_CASE("frames are judged at several scales as they are predicted") {
    const TemporaryFolder folder;
    write_synthetic_dataset(folder / "data", {.train_count = 1, .val_count = 3, .height = 60, .width = 90});
    const Dataset data = Dataset::open((folder / "data").string(), "val");
    TrainConfig config;
    config.net_options = {{"classes", data.classes().count()}, {"width", 2}, {"depth", 2}};
    config.height = 64;
    config.width = 96;
    config.batch = 2;
    config.device = Device::cpu;
    config.dtype = Dtype::f32;
    Model model = make_model(config, data.classes(), false);
    const std::vector<std::int64_t> plain = evaluate(model, data).confusion.counts();
    for (const InferenceOptions& how :
         {InferenceOptions{.scales = {0.5, 1.25}}, InferenceOptions{.flip = true, .scales = {1, 1.5}},
          InferenceOptions{.own_size = true, .scales = {0.75, 1}}}) {
        model.inference = how;
        const EvalResult judged = evaluate(model, data);
        ConfusionMatrix expected = judged.confusion.like();
        const std::vector<Image> maps = predict(model, data, {0, 1, 2});
        for (std::size_t i = 0; i < maps.size(); ++i) {
            const auto sample = data.sample(i);
            CHECK(maps[i] == predict(model, sample->image));
            std::vector<std::int64_t> counts(expected.counts().size());
            for (std::size_t pixel = 0; pixel < maps[i].data.size(); ++pixel) {
                const int truth = sample->original_label().data[pixel], classes = data.classes().count();
                if (truth < classes) ++counts[static_cast<std::size_t>(truth * classes + maps[i].data[pixel])];
            }
            expected.add(counts);
        }
        CHECK(judged.confusion.counts() == expected.counts());
        CHECK(judged.confusion.counts() != plain);
    }
}

TEST_CASE("labels are the largest logits', however a picture is put through the network") {
    Model model = small_model();
    const Image image = noise(90, 130);
    for (const InferenceOptions& how :
         {InferenceOptions{}, InferenceOptions{.own_size = true}, InferenceOptions{.tile_height = 32, .tile_width = 64},
          InferenceOptions{.tile_height = 64, .tile_width = 32, .flip = true}, InferenceOptions{.flip = true}}) {
        model.inference = how;
        const Whole whole = logits_of(model, image);
        const Image labels = predict(model, image);
        REQUIRE(labels.pixels() == image.pixels());
        for (int row = 0; row < image.height; ++row)
            for (int column = 0; column < image.width; ++column) {
                int best = 0;
                for (int c = 1; c < whole.classes; ++c)
                    if (whole.at(row, column, c) > whole.at(row, column, best)) best = c;
                REQUIRE(*labels.at(row, column) == best);
            }
    }
}

TEST_CASE("frames are judged whole and in tiles as at the input's size where that is theirs") {
    const TemporaryFolder folder;
    write_synthetic_dataset(folder / "data", {.train_count = 1, .val_count = 3, .height = 64, .width = 96});
    const Dataset data = Dataset::open((folder / "data").string(), "val");
    TrainConfig config;
    config.net_options = {{"classes", data.classes().count()}, {"width", 2}, {"depth", 2}};
    config.height = 64;
    config.width = 96;
    config.batch = 1;
    config.device = Device::cpu;
    config.dtype = Dtype::f32;
    Model model = make_model(config, data.classes(), false);
    const EvalResult resized = evaluate(model, data);
    for (const InferenceOptions& how :
         {InferenceOptions{.own_size = true}, InferenceOptions{.tile_height = 64, .tile_width = 96}}) {
        model.inference = how;
        const EvalResult own = evaluate(model, data);
        CHECK(own.confusion.counts() == resized.confusion.counts());
        CHECK(own.iou_score == doctest::Approx(resized.iou_score));
        CHECK(std::isnan(own.loss));
        REQUIRE(own.frames.size() == 3);
        CHECK(own.frames[1].mean_iou == resized.frames[1].mean_iou);
        const std::vector<Image> maps = predict(model, data, {2});
        model.inference = {};
        CHECK(maps == predict(model, data, {2}));
    }
    model.inference = {.tile_height = 32, .tile_width = 32};
    CHECK(evaluate(model, data).confusion.counts() != resized.confusion.counts());
}
