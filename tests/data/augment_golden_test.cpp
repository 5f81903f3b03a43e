#include <camber/augment.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "support/golden.h"

using namespace camber;
using namespace camber::testing;

namespace {

constexpr Normalisation plain{{0, 0, 0}, {1, 1, 1}};

Image image_of(const Tensor& t) {
    const int channels = t.shape().rank() == 3 ? static_cast<int>(t.dim(2)) : 1;
    Image image(static_cast<int>(t.dim(0)), static_cast<int>(t.dim(1)), channels);
    image.data = t.to_vector<std::uint8_t>();
    return image;
}

struct Result {
    std::vector<float> image;
    std::vector<std::uint8_t> mask;
};

Result apply(const AugmentParams& params, const Image& image, const Image* mask, int height, int width) {
    const auto pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    Result result{std::vector<float>(pixels * static_cast<std::size_t>(image.channels)),
                  std::vector<std::uint8_t>(pixels)};
    apply_augmentation(params, image, mask, plain, 255, height, width, result.image.data(), result.mask.data());
    return result;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    return largest;
}

/// Calls check(case, its picture) for the cases of an op, and counts them.
template <class Check>
int for_each_case(const std::string& op, Check check) {
    const GoldenFile file("augment");
    int count = 0;
    for (const auto& golden : file.cases()) {
        if (golden.at("op") != op) continue;
        INFO(golden.at("name").get<std::string>());
        check(file, golden, image_of(file.read(golden, "image")));
        ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("rotation, warp and zoom are fastai's, the mask's too") {
    const auto check = [](const GoldenFile& file, const auto& golden, const Image& image) {
        const Image mask = image_of(file.read(golden, "mask"));
        const Tensor expected = file.read(golden, "output");
        const auto height = static_cast<int>(expected.dim(0)), width = static_cast<int>(expected.dim(1));
        AugmentParams params = plain_resize(image.height, image.width, height, width, Interpolation::bilinear_corners);
        params.padding = FramePadding::reflection;
        params.rotation = golden.at("rotation").template get<float>() * std::numbers::pi_v<float> / 180;
        golden.at("warp").get_to(params.warp);
        const auto scale = golden.at("scale").template get<float>();
        const auto corner = [&](const char* name, int size) {
            return golden.at(name).template get<float>() * static_cast<float>(size) * (1 - 1 / scale);
        };
        params.left = corner("column", image.width);
        params.top = corner("row", image.height);
        params.width /= scale;
        params.height /= scale;
        const Result result = apply(params, image, &mask, height, width);
        CHECK(largest_difference(result.image, expected.to_vector<float>()) < 1e-4);
        const std::vector<std::uint8_t> ids = file.read(golden, "output_mask").template to_vector<std::uint8_t>();
        // Half-way between two pixels PyTorch takes the even one.
        int others = 0;
        for (std::size_t i = 0; i < ids.size(); ++i) others += ids[i] != result.mask[i] ? 1 : 0;
        CHECK(others <= static_cast<int>(ids.size()) / 100);
    };
    CHECK(for_each_case("geometry", check) == 9);
}

TEST_CASE("lighting is fastai's") {
    const auto check = [](const GoldenFile& file, const auto& golden, const Image& values) {
        Image image(1, 256, 1);
        image.data = values.data;
        AugmentParams params = plain_resize(1, 256, 1, 256);
        const double change = golden.at("change");
        params.logit_shift = static_cast<float>(std::log(change / (1 - change)));
        golden.at("scale").get_to(params.logit_scale);
        const std::vector<float> expected = file.read(golden, "output").template to_vector<float>();
        CHECK(largest_difference(apply(params, image, nullptr, 1, 256).image, expected) < 1e-3);
    };
    CHECK(for_each_case("lighting", check) == 5);
}

TEST_CASE("equalisation is OpenCV's, but not rounded to bytes") {
    const auto check = [](const GoldenFile& file, const auto& golden, const Image& image) {
        AugmentParams params = plain_resize(image.height, image.width, image.height, image.width);
        params.equalised = 1;
        std::vector<float> expected;
        for (const std::uint8_t v : file.read(golden, "output").template to_vector<std::uint8_t>())
            expected.push_back(static_cast<float>(v) / 255);
        CHECK(largest_difference(apply(params, image, nullptr, image.height, image.width).image, expected) <
              0.5001 / 255);
    };
    CHECK(for_each_case("clahe", check) == 3);
}

TEST_CASE("blur is OpenCV's GaussianBlur of nine pixels, the border repeated") {
    const auto check = [](const GoldenFile& file, const auto& golden, const Image& image) {
        AugmentParams params = plain_resize(image.height, image.width, image.height, image.width);
        golden.at("sigma").get_to(params.blur);
        const std::vector<float> expected = file.read(golden, "output").template to_vector<float>();
        CHECK(largest_difference(apply(params, image, nullptr, image.height, image.width).image, expected) < 1e-6);
    };
    CHECK(for_each_case("blur", check) == 3);
}

TEST_CASE("filters one after another are OpenCV's filter2D, as imgaug applies it") {
    const auto check = [](const GoldenFile& file, const auto& golden, const Image& image) {
        AugmentParams params = plain_resize(image.height, image.width, image.height, image.width);
        const std::vector<float> filters = file.read(golden, "filters").template to_vector<float>();
        std::copy(filters.begin(), filters.end(), params.filter.begin());
        params.filtered = 3;
        params.filters_clipped = 1;
        const std::vector<float> expected = file.read(golden, "output").template to_vector<float>();
        CHECK(largest_difference(apply(params, image, nullptr, image.height, image.width).image, expected) < 1e-6);
    };
    CHECK(for_each_case("filters", check) == 1);
}

TEST_CASE("the nearest pixel is Pillow's") {
    const auto check = [](const GoldenFile& file, const auto& golden, const Image& image) {
        const Image expected = image_of(file.read(golden, "output"));
        const Result result =
            apply(plain_resize(image.height, image.width, expected.height, expected.width, Interpolation::nearest),
                  image, nullptr, expected.height, expected.width);
        for (std::size_t i = 0; i < expected.data.size(); ++i)
            CHECK(result.image[i] == static_cast<float>(expected.data[i]) * (1.0f / 255));
    };
    CHECK(for_each_case("nearest", check) == 2);
}
