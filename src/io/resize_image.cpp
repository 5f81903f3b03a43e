#include <camber/error.h>
#include <camber/image.h>

#include <algorithm>
#include <cmath>

namespace camber {
namespace {

/// The source pixels one output pixel takes along an axis: `count` from `first` on, weights summing to 1.
struct Taps {
    int first = 0;
    std::vector<float> weights;
};

std::vector<Taps> axis_taps(int in, int out) {
    std::vector<Taps> all(static_cast<std::size_t>(out));
    const double scale = static_cast<double>(in) / out;
    for (int o = 0; o < out; ++o) {
        Taps& taps = all[static_cast<std::size_t>(o)];
        if (scale > 1) {
            const double begin = o * scale, end = (o + 1) * scale;
            taps.first = static_cast<int>(begin);
            for (int i = taps.first; i < in && i < end; ++i) {
                const double cover = std::min<double>(end, i + 1) - std::max<double>(begin, i);
                taps.weights.push_back(static_cast<float>(cover / scale));
            }
        } else {
            const double centre = std::clamp((o + 0.5) * scale - 0.5, 0.0, in - 1.0);
            taps.first = std::min(static_cast<int>(centre), std::max(in - 2, 0));
            const auto t = static_cast<float>(centre - taps.first);
            taps.weights = {1 - t};
            if (in > 1) taps.weights.push_back(t);
        }
    }
    return all;
}

void check_size(int height, int width) {
    if (height < 1 || width < 1) fail("cannot resize an image to {}x{}", height, width);
}

}  // namespace

Image resize_area(const Image& image, int height, int width) {
    check_size(height, width);
    if (height == image.height && width == image.width) return image;
    const auto channels = static_cast<std::size_t>(image.channels);
    const auto columns = axis_taps(image.width, width), rows = axis_taps(image.height, height);
    std::vector<float> narrowed(static_cast<std::size_t>(image.height) * static_cast<std::size_t>(width) * channels);
    float* to = narrowed.data();
    for (int y = 0; y < image.height; ++y) {
        for (const Taps& taps : columns) {
            const std::uint8_t* from = image.at(y, taps.first);
            for (std::size_t c = 0; c < channels; ++c) {
                float sum = 0;
                for (std::size_t k = 0; k < taps.weights.size(); ++k) sum += taps.weights[k] * from[k * channels + c];
                *to++ = sum;
            }
        }
    }
    Image result(height, width, image.channels);
    const std::size_t stride = static_cast<std::size_t>(width) * channels;
    std::vector<float> sums(stride);
    for (int y = 0; y < height; ++y) {
        const Taps& taps = rows[static_cast<std::size_t>(y)];
        std::fill(sums.begin(), sums.end(), 0.0f);
        for (std::size_t k = 0; k < taps.weights.size(); ++k) {
            const float* from = &narrowed[(static_cast<std::size_t>(taps.first) + k) * stride];
            const float weight = taps.weights[k];
            for (std::size_t i = 0; i < stride; ++i) sums[i] += weight * from[i];
        }
        std::uint8_t* out = result.at(y, 0);
        for (std::size_t i = 0; i < stride; ++i) {
            out[i] = static_cast<std::uint8_t>(std::clamp(std::lround(sums[i]), 0L, 255L));
        }
    }
    return result;
}

Image resize_nearest(const Image& image, int height, int width) {
    check_size(height, width);
    if (height == image.height && width == image.width) return image;
    Image result(height, width, image.channels);
    // The source pixel that holds the output pixel's centre, in integers: floor((2 o + 1) in / (2 out)).
    const auto source = [](int o, int in, int out) {
        return static_cast<int>((2 * std::int64_t{o} + 1) * in / (2 * std::int64_t{out}));
    };
    for (int y = 0; y < height; ++y) {
        const int row = source(y, image.height, height);
        for (int x = 0; x < width; ++x) {
            std::copy_n(image.at(row, source(x, image.width, width)), image.channels, result.at(y, x));
        }
    }
    return result;
}

}  // namespace camber
