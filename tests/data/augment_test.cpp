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

/// Everything that there is, half of the time where it is a probability.
AugmentConfig everything() {
    return {.scale_min = 0.4f,
            .scale_max = 2.5f,
            .rotate = 40,
            .warp = 0.3f,
            .affine_probability = 0.5f,
            .flip_vertical = 0.5f,
            .clahe = 0.5f,
            .blur = 1,
            .emboss = 0.5f,
            .edges = 0.5f,
            .sharpen = 0.5f,
            .filters_together = true,
            .hue = 0.2f,
            .lighting = 0.2f,
            .lighting_probability = 0.5f,
            .gamma = 0.5f,
            .noise = 0.1f,
            .cutout = 0.5f};
}

template <int C>
void check_fast_path(int picture_height, int picture_width, const AugmentConfig& config) {
    const Image image = with_channels(patterned_image(picture_height, picture_width), C),
                label = patterned_label(picture_height, picture_width);
    const Normalisation normalisation;
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
            static float div(float a, float b) {
                volatile float r = a / b;
                return r;
            }
        };
        Output slow = fast;
        std::vector<std::uint8_t> tables;
        if (p.equalised) tables = equalisation_tables(image);
        std::vector<float> room(slow.image.size()), more(slow.image.size());
        pixel::augment_picture<C, Separate>(s, {image.data.data(), p.equalised ? tables.data() : nullptr},
                                            label.data.data(), 11, room.data(), more.data(), slow.image.data(),
                                            slow.label.data());
        CHECK(same_bits(slow.image, fast.image));
        CHECK(slow.label == fast.label);
    }
}

TEST_CASE("the fast host path gives the per-pixel function's bits") {
    const AugmentConfig usual{
        .scale_min = 0.4f, .scale_max = 2.5f, .flip_vertical = 0.5f, .emboss = 0.3f, .edges = 0.2f, .sharpen = 0.2f};
    AugmentConfig reflected = everything();
    reflected.padding = FramePadding::reflection;
    reflected.interpolation = Interpolation::bilinear_corners;
    AugmentConfig black = usual;
    black.padding = FramePadding::black;
    black.interpolation = Interpolation::nearest;
    black.base_size = 12;
    AugmentConfig equalised = usual;
    equalised.clahe = 1;
    for (const AugmentConfig& config : {usual, everything(), reflected, black, equalised}) {
        check_fast_path<3>(37, 53, config);
        check_fast_path<1>(37, 53, config);
        check_fast_path<4>(37, 53, config);
        check_fast_path<1>(9, 1, config);  // a row is shorter than what is read at once
        check_fast_path<3>(1, 1, config);
    }
}

TEST_CASE("a mask follows its picture through every move") {
    // Two colours, far apart: what a pixel became tells its class but where samples mix the two.
    Image image(40, 60, 3), label(40, 60, 1);
    for (int y = 0; y < 40; ++y) {
        for (int x = 0; x < 60; ++x) {
            const bool bright = (x / 12 + y / 10) % 2 == 0;
            std::fill_n(image.at(y, x), 3, bright ? std::uint8_t{230} : std::uint8_t{30});
            *label.at(y, x) = bright ? 7 : 3;
        }
    }
    for (const FramePadding padding : {FramePadding::mean, FramePadding::black, FramePadding::reflection}) {
        for (const Interpolation interpolation : {Interpolation::antialias, Interpolation::bilinear,
                                                  Interpolation::bilinear_corners, Interpolation::nearest}) {
            AugmentConfig config{.scale_min = 0.6f,
                                 .scale_max = 1.5f,
                                 .rotate = 30,
                                 .warp = 0.3f,
                                 .flip_vertical = 0.5f,
                                 .brightness = 0,
                                 .contrast = 0,
                                 .saturation = 0,
                                 .cutout = 0.5f};
            config.padding = padding;
            config.interpolation = interpolation;
            int mixed = 0, clear = 0, nothing = 0;
            for (std::size_t i = 0; i < 40; ++i) {
                const AugmentParams params = sample_augmentation(config, plain, 2, 0, i, 40, 60, 48, 64);
                const Output out = apply(params, image, label, 48, 64);
                for (std::size_t p = 0; p < out.label.size(); ++p) {
                    const float v = out.image[3 * p] * 255;
                    if (out.label[p] == 11) {
                        ++nothing;
                        CHECK(v == 0);
                    } else if (v > 29 && v < 231 && std::min(std::abs(v - 30), std::abs(v - 230)) > 1) {
                        ++mixed;
                    } else {
                        ++clear;
                        CHECK(out.label[p] == (v > 128 ? 7 : 3));
                    }
                }
            }
            CHECK(clear > 3 * mixed);
            CHECK((nothing > 0) == (padding != FramePadding::reflection || config.cutout > 0));
        }
    }
}

TEST_CASE("drawing one range leaves the others alone, and what is off has no effect") {
    const AugmentConfig usual;
    AugmentConfig more = everything();
    more.scale_min = usual.scale_min, more.scale_max = usual.scale_max, more.flip_vertical = 0,
    more.affine_probability = 1;
    for (std::size_t i = 0; i < 50; ++i) {
        const auto draw = [&](const AugmentConfig& config) {
            return sample_augmentation(config, plain, 5, 2, i, 360, 480, 256, 256);
        };
        const AugmentParams p = draw(usual), q = draw(more);
        CHECK(p.left == q.left);
        CHECK(p.width == q.width);
        CHECK(p.flip == q.flip);
        CHECK(p.gain == q.gain);
        const pixel::Sampling s = sampling_of(p, 360, 480, plain, 3, 256, 256);
        CHECK(s.warped + s.locals + s.extras == 0);
        AugmentConfig turned = usual;
        turned.rotate = 20;
        AugmentConfig turned_and_more = more;
        turned_and_more.rotate = 20;
        CHECK(draw(turned).rotation == draw(turned_and_more).rotation);
    }
}

TEST_CASE("rotation, warp and lighting use their ranges, as often as asked") {
    AugmentConfig config{.scale_min = 1,
                         .scale_max = 1.1f,
                         .aspect = 0,
                         .rotate = 10,
                         .warp = 0.2f,
                         .affine_probability = 0.75f,
                         .lighting = 0.2f,
                         .lighting_probability = 0.75f};
    config.scale_distribution = Distribution::uniform;
    constexpr int draws = 4000;
    int scaled = 0, turned = 0, warped = 0, lighter = 0, starker = 0;
    double sum = 0;
    float most_turned = 0, most_warped = 0, lightest = 0, starkest = 0;
    for (std::size_t i = 0; i < draws; ++i) {
        const AugmentParams p = sample_augmentation(config, plain, 1, 0, i, 90, 120, 90, 120);
        const float scale = 120 / p.width;
        scaled += scale != 1 ? 1 : 0;
        sum += static_cast<double>(scale != 1 ? scale : 0);
        turned += p.rotation != 0 ? 1 : 0;
        warped += p.warp[0] != 0 ? 1 : 0;
        lighter += p.logit_shift != 0 ? 1 : 0;
        starker += p.logit_scale != 1 ? 1 : 0;
        most_turned = std::max(most_turned, std::abs(p.rotation));
        for (const float m : p.warp) most_warped = std::max(most_warped, std::abs(m));
        lightest = std::max(lightest, p.logit_shift);
        starkest = std::max(starkest, p.logit_scale);
    }
    for (const int count : {scaled, turned, warped, lighter, starker})
        CHECK(static_cast<double>(count) / draws == doctest::Approx(0.75).epsilon(0.04));
    CHECK(sum / scaled == doctest::Approx(1.05).epsilon(0.001));
    CHECK(most_turned == doctest::Approx(10 * 3.14159265 / 180).epsilon(0.01));
    CHECK(most_warped == doctest::Approx(0.2).epsilon(0.01));
    CHECK(lightest == doctest::Approx(std::log(0.6 / 0.4)).epsilon(0.01));
    CHECK(starkest == doctest::Approx(1.25).epsilon(0.01));
}

TEST_CASE("a frame that keeps its shape is cut at the scale drawn, and padded at the right and below") {
    AugmentConfig config{
        .base_size = 52, .scale_min = 0.5f, .scale_max = 2, .scale_distribution = Distribution::uniform, .aspect = 0};
    config.padding = FramePadding::black;
    float smallest = 9, largest = 0;
    for (std::size_t i = 0; i < 500; ++i) {
        const AugmentParams p = sample_augmentation(config, plain, 1, 0, i, 72, 96, 48, 48);
        CHECK(p.width == doctest::Approx(p.height));
        const float scale = 48 / p.height * 72 / 52;
        smallest = std::min(smallest, scale), largest = std::max(largest, scale);
        CHECK(p.left >= 0);
        CHECK(p.top >= 0);
        if (p.height > 72) CHECK(p.top == 0);
        if (p.width < 96) CHECK(p.left + p.width <= 96.001f);
    }
    CHECK(smallest == doctest::Approx(0.5).epsilon(0.02));
    CHECK(largest == doctest::Approx(2).epsilon(0.02));
}

TEST_CASE("noise has its spread and no mean; gamma and hue do what they say") {
    Image grey(64, 64, 3);
    std::fill(grey.data.begin(), grey.data.end(), std::uint8_t{128});
    AugmentParams params = plain_resize(64, 64, 64, 64);
    params.noise = 0.05f;
    params.noise_key = {1, 2};
    const Image label(64, 64, 1);
    const std::vector<float> noisy = apply(params, grey, label, 64, 64).image;
    const double mean = std::accumulate(noisy.begin(), noisy.end(), 0.0) / static_cast<double>(noisy.size());
    double squares = 0;
    for (const float v : noisy) squares += (v - mean) * (v - mean);
    CHECK(mean == doctest::Approx(128.0 / 255).epsilon(0.003));
    CHECK(std::sqrt(squares / static_cast<double>(noisy.size())) == doctest::Approx(0.05).epsilon(0.02));
    params.noise_key = {1, 3};
    CHECK_FALSE(apply(params, grey, label, 64, 64).image == noisy);

    params = plain_resize(64, 64, 64, 64);
    params.gamma = 2;
    CHECK(apply(params, grey, label, 64, 64).image[0] == doctest::Approx(std::pow(128.0 / 255, 2)).epsilon(1e-4));

    Image red(1, 1, 3);
    red.data = {255, 0, 0};
    params = plain_resize(1, 1, 1, 1);
    params.hue = 2 * 3.14159265f / 3;  // a third of the circle: red becomes green
    const std::vector<float> green = apply(params, red, Image(1, 1, 1), 1, 1).image;
    CHECK(green[0] == doctest::Approx(0).scale(1));
    CHECK(green[1] == doctest::Approx(1));
    CHECK(green[2] == doctest::Approx(0).scale(1));
}
