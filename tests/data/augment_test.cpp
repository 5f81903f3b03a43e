#include <camber/augment.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "backend/augment_pixel.h"
#include "data/sampling.h"
#include "small_dataset.h"

using namespace camber;
using namespace camber::testing;

namespace {

constexpr Normalisation plain{{0, 0, 0}, {1, 1, 1}};

struct Output {
    std::vector<float> image;
    std::vector<std::uint8_t> label;
};

Output apply(const AugmentParams& params, const Image& image, const Image& label, int height, int width,
             const Normalisation& normalisation = plain) {
    const auto pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    Output out{std::vector<float>(pixels * static_cast<std::size_t>(image.channels), -9.0f),
               std::vector<std::uint8_t>(pixels, 99)};
    apply_augmentation(params, image, &label, normalisation, 11, height, width, out.image.data(), out.label.data());
    return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("a plain resize to the same size is the picture itself, normalised") {
    const Image image = patterned_image(11, 17), label = patterned_label(11, 17);
    const Normalisation imagenet;
    const Output out = apply(plain_resize(11, 17, 11, 17), image, label, 11, 17, imagenet);
    CHECK(out.label == label.data);
    for (std::size_t i = 0; i < image.data.size(); ++i) {
        const float exact = static_cast<float>(image.data[i]) * (1.0f / 255);
        CHECK(out.image[i] == (exact - imagenet.mean[i % 3]) * (1.0f / imagenet.std[i % 3]));
    }
    std::vector<float> prepared(out.image.size());
    prepare_image(image, imagenet, 11, 17, prepared.data());
    CHECK(same_bits(prepared, out.image));
}

TEST_CASE("a flip mirrors image and label, and twice is nothing") {
    const Image image = patterned_image(6, 10), label = patterned_label(6, 10);
    AugmentParams params = plain_resize(6, 10, 6, 10);
    params.flip = 1;
    const Output out = apply(params, image, label, 6, 10);
    for (int y = 0; y < 6; ++y) {
        for (int x = 0; x < 10; ++x) {
            const auto at = static_cast<std::size_t>(y * 10 + x);
            CHECK(out.label[at] == *label.at(y, 9 - x));
            for (int c = 0; c < 3; ++c) {
                CHECK(out.image[at * 3 + static_cast<std::size_t>(c)] ==
                      static_cast<float>(image.at(y, 9 - x)[c]) * (1.0f / 255));
            }
        }
    }
}

TEST_CASE("a crop at whole pixels copies; outside the frame is mean colour and void") {
    const Image image = patterned_image(8, 8), label = patterned_label(8, 8);
    AugmentParams params;
    params.left = -2;
    params.top = 3;
    params.width = 6;
    params.height = 6;
    const Output out = apply(params, image, label, 6, 6, Normalisation{});
    for (int y = 0; y < 6; ++y) {
        for (int x = 0; x < 6; ++x) {
            const auto at = static_cast<std::size_t>(y * 6 + x);
            const int row = y + 3, column = x - 2;
            if (row > 7 || column < 0) {
                CHECK(out.label[at] == 11);
                CHECK(out.image[at * 3] == 0);
            } else {
                CHECK(out.label[at] == *label.at(row, column));
                const float x0 = static_cast<float>(image.at(row, column)[0]) * (1.0f / 255);
                CHECK(out.image[at * 3] == (x0 - 0.485f) * (1.0f / 0.229f));
            }
        }
    }
}

TEST_CASE("bilinear sampling with half-pixel centres: doubling a two-pixel row") {
    Image image(1, 2, 3), label(1, 2, 1);
    image.data = {0, 0, 0, 255, 255, 255};
    label.data = {1, 2};
    const Output out = apply(plain_resize(1, 2, 1, 4), image, label, 1, 4);
    CHECK(out.image[0] == doctest::Approx(0.0));
    CHECK(out.image[3] == doctest::Approx(0.25));
    CHECK(out.image[6] == doctest::Approx(0.75));
    CHECK(out.image[9] == doctest::Approx(1.0));
    CHECK(out.label == std::vector<std::uint8_t>{1, 1, 2, 2});
}

TEST_CASE("shrinking averages enough samples not to alias") {
    Image image(4, 64, 3), label(4, 64, 1);
    for (int x = 0; x < 64; ++x) {
        for (int y = 0; y < 4; ++y) std::fill_n(image.at(y, x), 3, x % 2 == 0 ? std::uint8_t{0} : std::uint8_t{255});
    }
    for (const int width : {32, 16, 8}) {
        const Output out = apply(plain_resize(4, 64, 4, width), image, label, 4, width);
        for (const float v : out.image) CHECK(v == doctest::Approx(0.5).epsilon(0.01));
    }
}

TEST_CASE("labels never get an id that was not in the map, except void") {
    Image label(20, 30, 1);
    for (std::size_t i = 0; i < label.data.size(); ++i) label.data[i] = i % 3 == 0 ? 2 : 9;
    const Image image = patterned_image(20, 30);
    const AugmentConfig config{.scale_min = 0.5f, .scale_max = 3.0f};
    for (std::size_t i = 0; i < 50; ++i) {
        const Output out = apply(sample_augmentation(config, plain, 3, 0, i, 20, 30, 16, 24), image, label, 16, 24);
        for (const int id : out.label) CHECK((id == 2 || id == 9 || id == 11));
    }
}

TEST_CASE("draws depend on seed, epoch and index alone, stay in range, and use the range") {
    AugmentConfig config;
    config.scale_min = 0.5f;
    config.scale_max = 2.0f;
    config.aspect = 0;
    int flips = 0, inside = 0;
    float smallest = 9, largest = 0;
    for (std::size_t i = 0; i < 400; ++i) {
        const auto draw = [&](std::uint64_t seed, std::int64_t epoch) {
            return sample_augmentation(config, plain, seed, epoch, i, 360, 480, 256, 256);
        };
        const AugmentParams p = draw(5, 2), again = draw(5, 2), later = draw(5, 3), other = draw(6, 2);
        CHECK(std::memcmp(&p, &again, sizeof p) == 0);
        CHECK(p.left != later.left);
        CHECK(p.left != other.left);
        const float scale = 480 / p.width;
        CHECK(p.height == doctest::Approx(360 / scale));
        smallest = std::min(smallest, scale);
        largest = std::max(largest, scale);
        flips += p.flip;
        if (scale >= 1) {
            ++inside;
            CHECK(p.left >= 0);
            CHECK(p.left + p.width <= 480.01f);
        } else {
            CHECK(p.left <= 0);
            CHECK(p.left + p.width >= 479.99f);
        }
    }
    CHECK(smallest >= 0.499f);
    CHECK(smallest < 0.53f);
    CHECK(largest <= 2.001f);
    CHECK(largest > 1.9f);
    CHECK(flips > 150);
    CHECK(flips < 250);
    CHECK(inside > 150);  // log-uniform: half the draws enlarge
    CHECK(inside < 250);
}

TEST_CASE("disabled augmentation is the plain resize") {
    AugmentConfig config;
    config.enabled = false;
    const AugmentParams p = sample_augmentation(config, plain, 1, 2, 3, 360, 480, 256, 256),
                        q = plain_resize(360, 480, 256, 256);
    CHECK(std::memcmp(&p, &q, sizeof p) == 0);
}

TEST_CASE("colour jitter: grey stays grey, saturation 0 removes colour, values stay in range") {
    const Image image = patterned_image(6, 6), label = patterned_label(6, 6);
    AugmentParams params = plain_resize(6, 6, 6, 6);
    params.gain = 0;
    params.mix = 1;
    const Output grey = apply(params, image, label, 6, 6);
    for (std::size_t i = 0; i < grey.image.size(); i += 3) {
        CHECK(grey.image[i] == grey.image[i + 1]);
        const double luma = (0.299 * image.data[i] + 0.587 * image.data[i + 1] + 0.114 * image.data[i + 2]) / 255;
        CHECK(grey.image[i] == doctest::Approx(luma).epsilon(1e-5));
    }
    params = plain_resize(6, 6, 6, 6);
    params.gain = 5;
    params.offset = -1;
    for (const float v : apply(params, image, label, 6, 6).image) {
        CHECK(v >= 0);
        CHECK(v <= 1);
    }
}

TEST_CASE("a vertical flip turns image and label upside down") {
    const Image image = patterned_image(6, 10), label = patterned_label(6, 10);
    AugmentParams params = plain_resize(6, 10, 6, 10);
    params.flip_vertical = 1;
    const Output out = apply(params, image, label, 6, 10),
                 upright = apply(plain_resize(6, 10, 6, 10), image, label, 6, 10);
    for (std::size_t y = 0; y < 6; ++y) {
        for (std::size_t x = 0; x < 10; ++x) {
            CHECK(out.label[y * 10 + x] == upright.label[(5 - y) * 10 + x]);
            for (std::size_t c = 0; c < 3; ++c)
                CHECK(out.image[(y * 10 + x) * 3 + c] == upright.image[((5 - y) * 10 + x) * 3 + c]);
        }
    }
}

TEST_CASE("a filter weighs a pixel and its neighbours, and the border repeats") {
    const Image image = patterned_image(5, 7), label = patterned_label(5, 7);
    AugmentParams params = plain_resize(5, 7, 5, 7);
    params.filtered = 1;
    for (std::size_t k = 0; k < 9; ++k) params.filter[k] = 0.01f * static_cast<float>(k + 1);
    const Output out = apply(params, image, label, 5, 7);
    for (int y = 0; y < 5; ++y) {
        for (int x = 0; x < 7; ++x) {
            for (int c = 0; c < 3; ++c) {
                double expected = 0;
                for (int k = 0; k < 9; ++k) {
                    const int row = std::clamp(y + k / 3 - 1, 0, 4), column = std::clamp(x + k % 3 - 1, 0, 6);
                    expected += 0.01 * (k + 1) * image.at(row, column)[c] / 255;
                }
                CHECK(out.image[static_cast<std::size_t>((y * 7 + x) * 3 + c)] ==
                      doctest::Approx(expected).epsilon(1e-5));
            }
        }
    }
}

TEST_CASE("filters are drawn as often as asked, blended with the picture, one at a time") {
    const AugmentConfig config{.emboss = 0.1f, .edges = 0.2f, .sharpen = 0.3f};
    int none = 0, emboss = 0, edges = 0, sharpen = 0;
    constexpr int draws = 4000;
    for (std::size_t i = 0; i < draws; ++i) {
        const AugmentParams p = sample_augmentation(config, plain, 1, 0, i, 20, 20, 20, 20);
        if (!p.filtered) {
            ++none;
            continue;
        }
        // Corners tell them apart: emboss has opposite ones, edge detection none, sharpening equal ones.
        if (p.filter[0] == 0)
            ++edges;
        else
            ++(p.filter[0] == p.filter[8] ? sharpen : emboss);
        const float sum = std::accumulate(p.filter.begin(), p.filter.end(), 0.0f);
        CHECK(sum >= 0.2f);   // edge detection at its strongest leaves a quarter of the picture
        CHECK(sum <= 1.25f);  // sharpening may brighten by a fifth of a fifth
    }
    const auto share = [](int count) { return static_cast<double>(count) / draws; };
    CHECK(share(none) == doctest::Approx(0.4).epsilon(0.06));
    CHECK(share(emboss) == doctest::Approx(0.1).epsilon(0.15));
    CHECK(share(edges) == doctest::Approx(0.2).epsilon(0.1));
    CHECK(share(sharpen) == doctest::Approx(0.3).epsilon(0.08));
}

TEST_CASE("grey pictures are normalised by the luma of mean and std; alpha is left as it is, 0 outside the frame") {
    const Normalisation imagenet;
    const Image rgb = patterned_image(11, 17), grey = with_channels(rgb, 1), label = patterned_label(11, 17);
    Image rgba = with_channels(rgb, 4);
    for (std::size_t i = 0; i < rgba.pixels(); ++i) rgba.data[4 * i + 3] = static_cast<std::uint8_t>(i);
    const AugmentParams same = plain_resize(11, 17, 11, 17);
    const Output of_grey = apply(same, grey, label, 11, 17, imagenet);
    const Output of_rgb = apply(same, rgb, label, 11, 17, imagenet),
                 of_rgba = apply(same, rgba, label, 11, 17, imagenet);
    for (std::size_t i = 0; i < grey.pixels(); ++i) {
        CHECK(of_grey.image[i] == doctest::Approx((grey.data[i] / 255.0 - 0.458971) / 0.225609).epsilon(1e-5));
        CHECK(std::equal(&of_rgb.image[3 * i], &of_rgb.image[3 * i] + 3, &of_rgba.image[4 * i]));
        CHECK(of_rgba.image[4 * i + 3] == static_cast<float>(rgba.data[4 * i + 3]) * (1.0f / 255));
    }
    // Colours that change, and filters, leave alpha alone.
    AugmentParams coloured = same;
    coloured.gain = 0.5f, coloured.mix = 0.2f, coloured.offset = 0.1f;
    coloured.filtered = 1;
    coloured.filter = {0, 1, 0, 1, -4, 1, 0, 1, 0};
    const Output changed = apply(coloured, rgba, label, 11, 17, imagenet);
    for (std::size_t i = 0; i < rgba.pixels(); ++i) CHECK(changed.image[4 * i + 3] == of_rgba.image[4 * i + 3]);
    CHECK_FALSE(changed.image[0] == of_rgba.image[0]);
    // A grey picture changes as the RGB picture of equal channels does.
    coloured.filtered = 0;
    const Output one = apply(coloured, grey, label, 11, 17),
                 three = apply(coloured, with_channels(grey, 3), label, 11, 17);
    for (std::size_t i = 0; i < grey.pixels(); ++i)
        CHECK(one.image[i] == doctest::Approx(three.image[3 * i]).epsilon(1e-5));
    AugmentParams away = same;
    away.left = 100;
    for (const float value : apply(away, rgba, label, 11, 17, imagenet).image) CHECK(value == 0);
}

template <int C>
void check_fast_path(int picture_height, int picture_width) {
    const Image image = with_channels(patterned_image(picture_height, picture_width), C),
                label = patterned_label(picture_height, picture_width);
    const Normalisation normalisation;
    const AugmentConfig config{
        .scale_min = 0.4f, .scale_max = 2.5f, .flip_vertical = 0.5f, .emboss = 0.3f, .edges = 0.2f, .sharpen = 0.2f};
    constexpr int height = 16, width = 22;
    for (std::size_t i = 0; i < 20; ++i) {
        const AugmentParams p =
            sample_augmentation(config, normalisation, 9, 1, i, picture_height, picture_width, height, width);
        const Output fast = apply(p, image, label, height, width, normalisation);
        const pixel::Sampling s = sampling_of(p, picture_height, picture_width, normalisation, C, height, width);
        // Through memory, so that this file's compiler flags cannot fuse a product into a sum.
        struct Separate {
            static float mul(float a, float b) {
                volatile float r = a * b;
                return r;
            }
            static float add(float a, float b) {
                volatile float r = a + b;
                return r;
            }
            static float sub(float a, float b) {
                volatile float r = a - b;
                return r;
            }
        };
        Output slow = fast;
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) {
                const auto at = static_cast<std::size_t>(y * width + x);
                pixel::augment_pixel<C, Separate>(s, image.data.data(), label.data.data(), 11, y, x,
                                                  &slow.image[at * C], &slow.label[at]);
            }
        }
        CHECK(same_bits(slow.image, fast.image));
        CHECK(slow.label == fast.label);
    }
}

TEST_CASE("the fast host path gives the per-pixel function's bits") {
    check_fast_path<3>(37, 53);
    check_fast_path<1>(37, 53);
    check_fast_path<4>(37, 53);
    check_fast_path<1>(9, 1);  // a row is shorter than what is read at once
    check_fast_path<3>(1, 1);
}
