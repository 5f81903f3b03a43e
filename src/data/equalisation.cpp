#include <algorithm>
#include <array>
#include <cmath>

#include "data/sampling.h"

namespace camber {
namespace {

constexpr int levels = 256;
constexpr double clip_limit = 2;

/// Beyond the frame its pixels come back, the last but one first.
int mirrored(int i, int size) { return i < size ? i : std::max(0, 2 * (size - 1) - i); }

int luma(const Image& image, int y, int x) {
    const std::uint8_t* p = image.at(y, x);
    return image.channels == 1 ? pixel::luma_byte<1>(p) : pixel::luma_byte<3>(p);
}

/// What exceeds the limit is shared out evenly, the rest of that to levels at even distances.
void clip(std::array<int, levels>& histogram, int limit) {
    int excess = 0;
    for (int& count : histogram) {
        excess += std::max(0, count - limit);
        count = std::min(count, limit);
    }
    for (int& count : histogram) count += excess / levels;
    int rest = excess % levels;
    if (rest == 0) return;
    const int step = std::max(levels / rest, 1);
    for (int i = 0; i < levels && rest > 0; i += step, --rest) ++histogram[static_cast<std::size_t>(i)];
}

}  // namespace

std::vector<std::uint8_t> equalisation_tables(const Image& image) {
    constexpr int n = pixel::tiles_a_side;
    const int height = (image.height + n - 1) / n, width = (image.width + n - 1) / n, area = height * width;
    const int limit = std::max(static_cast<int>(clip_limit * area / levels), 1);
    std::vector<std::uint8_t> tables;
    tables.reserve(pixel::equalisation_bytes);
    for (int tile = 0; tile < n * n; ++tile) {
        const int top = tile / n * height, left = tile % n * width;
        std::array<int, levels> histogram{};
        for (int y = top; y < top + height; ++y)
            for (int x = left; x < left + width; ++x)
                ++histogram[static_cast<std::size_t>(luma(image, mirrored(y, image.height), mirrored(x, image.width)))];
        clip(histogram, limit);
        int sum = 0;
        for (const int count : histogram) {
            sum += count;
            const double level =
                std::nearbyint(sum * static_cast<double>(static_cast<float>(levels - 1) / static_cast<float>(area)));
            tables.push_back(static_cast<std::uint8_t>(std::clamp(level, 0.0, 255.0)));
        }
    }
    return tables;
}

}  // namespace camber
