#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "backend/label_map.h"
#include "backend/primitive.h"
#include "support/devices.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("argmax takes the first among equals") {
    for (const Shape& shape :
         {Shape{1, 1, 1, 1}, Shape{1, 5, 7, 3}, Shape{2, 5, 7, 17}, Shape{2, 40, 33, 11}, Shape{1, 3, 3, 256}}) {
        const Tensor x = uniform(shape, 1);
        for (std::int64_t i = 0; i < x.numel(); ++i) x.data<double>()[i] = std::round(x.data<double>()[i] * 4);
        check({.name = "argmax " + shape.str(),
               .inputs = {activation(x)},
               .outputs = {{"labels", {shape[0], shape[1], shape[2]}, Kind::u8}},
               .run = [](Backend& b, auto& in, auto& out) { b.argmax(in[0], out[0]); },
               .f32_tolerance = 0,
               .bf16_tolerance = 0});
    }
}

TEST_CASE("predictions are counted at the size of each label map, whatever it is") {
    // Enlarged, as it is, shrunk, by powers of two and not; one without pixels.
    const std::vector<std::pair<int, int>> sizes = {{48, 64}, {13, 9}, {11, 37}, {0, 0}, {5, 3}, {26, 18}};
    for (const int classes : {1, 2, 11, 40, 120, 256})
        for (const int ignore : {-1, 0, 255}) {
            std::vector<LabelMap> maps;
            std::int64_t end = 3;  // no map begins at a multiple of anything
            for (const auto& [height, width] : sizes) {
                maps.push_back({height, width, end});
                end += height * width + 1;
            }
            std::vector<std::uint8_t> bytes(maps.size() * sizeof(LabelMap));
            std::memcpy(bytes.data(), maps.data(), bytes.size());
            const Tensor table = Tensor::from(bytes, {static_cast<std::int64_t>(bytes.size())}, Device::reference);
            const auto images = static_cast<std::int64_t>(sizes.size());
            check({.name = fmt::format("count_predictions of {} classes, {} ignored", classes, ignore),
                   .inputs = {activation(uniform({images, 13, 9, classes}, 1)),
                              {random_labels({end}, classes, 2, 255), Kind::u8},
                              {table, Kind::u8}},
                   .outputs = {{"counts", {classes, classes}, Kind::i32}},
                   .run =
                       [=](Backend& b, auto& in, auto& out) {
                           b.fill(out[0], 5);
                           b.count_predictions(in[0], in[1], in[2], out[0], ignore);
                       },
                   .f32_tolerance = 0,
                   .bf16_tolerance = 0});
        }
}

TEST_CASE("counting predictions resizes bilinearly and takes the first among equals") {
    // Two classes, a row of two pixels, seen at twice the size: shares of the second are 0, 1/4, 3/4, 1.
    for (const Device device : computing_devices()) {
        const Tensor logits = Tensor::from(std::vector<float>{3, 0, 0, 1}, {1, 1, 2, 2}, device);
        const Tensor source = Tensor::from(std::vector<std::uint8_t>{1, 1, 1, 1, 0, 0}, {6}, device);
        std::vector<std::uint8_t> bytes(sizeof(LabelMap));
        for (const auto& [map, expected] :
             {std::pair{LabelMap{1, 4, 0}, std::vector<std::int32_t>{0, 0, 3, 1}},  // differences 3, 2, 0, -1: 0 0 0 1
              {LabelMap{1, 2, 4}, {1, 1, 0, 0}}}) {
            std::memcpy(bytes.data(), &map, sizeof map);
            const Tensor counts = Tensor::zeros({2, 2}, Dtype::i32, device);
            backend(device).count_predictions(
                logits, source, Tensor::from(bytes, {static_cast<std::int64_t>(bytes.size())}, device), counts, -1);
            CHECK_MESSAGE(counts.to_vector<std::int32_t>() == expected, name(device));
        }
    }
}
