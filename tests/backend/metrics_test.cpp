#include "backend/metrics_cases.h"

#include <doctest/doctest.h>

#include <cstring>

#include "backend/reduce_cases.h"
#include "support/devices.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("argmax takes the first among equals") {
    for (const Shape& shape :
         {Shape{1, 1, 1, 1}, Shape{1, 5, 7, 3}, Shape{2, 5, 7, 17}, Shape{2, 40, 33, 11}, Shape{1, 3, 3, 256}})
        check(largest(shape));
}

TEST_CASE("predictions are counted at the size of each label map, whatever it is") {
    // Enlarged, as it is, shrunk, by powers of two and not; one without pixels.
    const std::vector<std::pair<int, int>> sizes = {{48, 64}, {13, 9}, {11, 37}, {0, 0}, {5, 3}, {26, 18}};
    for (const std::int64_t classes : {1, 2, 11, 40, 120, 256})
        for (const int ignore : {-1, 0, 255}) check(counted_predictions({6, 13, 9, classes}, sizes, ignore));
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
            const Tensor counts = Tensor::zeros({1, 2, 2}, Dtype::i32, device);
            backend(device).count_predictions(
                logits, source, Tensor::from(bytes, {static_cast<std::int64_t>(bytes.size())}, device), counts, -1);
            CHECK_MESSAGE(counts.to_vector<std::int32_t>() == expected, name(device));
        }
    }
}
