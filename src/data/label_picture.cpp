#include <camber/error.h>
#include <camber/image.h>
#include <camber/label_picture.h>

#include <algorithm>
#include <cmath>

namespace camber {
namespace {

void check_channels(const Image& image, int wanted, const char* what) {
    if (image.empty() || image.channels != wanted) {
        fail("{} must have {} channel(s), got {}x{}x{}", what, wanted, image.height, image.width, image.channels);
    }
}

}  // namespace

Image colour_labels(const Image& label, const ClassTable& classes) {
    check_channels(label, 1, "a label map");
    std::array<Rgb, 256> colours;
    for (int id = 0; id < 256; ++id) colours[static_cast<std::size_t>(id)] = classes.colour_of(id);
    Image result(label.height, label.width, 3);
    for (std::size_t i = 0; i < label.data.size(); ++i) {
        std::copy_n(colours[label.data[i]].data(), 3, &result.data[i * 3]);
    }
    return result;
}

Image overlay_labels(const Image& image, const Image& label, const ClassTable& classes, float alpha) {
    check_channels(label, 1, "a label map");
    const Image ids = resize_nearest(label, image.height, image.width);
    Image result = with_channels(image, 3);
    for (std::size_t i = 0; i < ids.data.size(); ++i) {
        if (ids.data[i] == classes.void_id) continue;
        const Rgb colour = classes.colour_of(ids.data[i]);
        for (std::size_t c = 0; c < 3; ++c) {
            const float mixed =
                static_cast<float>(result.data[i * 3 + c]) * (1 - alpha) + static_cast<float>(colour[c]) * alpha;
            result.data[i * 3 + c] = static_cast<std::uint8_t>(std::clamp(std::lround(mixed), 0L, 255L));
        }
    }
    return result;
}

Image side_by_side(const Image& image, const Image& truth, const Image& prediction, const ClassTable& classes) {
    constexpr int gap = 4;
    std::vector<Image> panels = {with_channels(image, 3)};
    for (const Image* label : {&truth, &prediction}) {
        if (!label->empty())
            panels.push_back(colour_labels(resize_nearest(*label, image.height, image.width), classes));
    }
    const int count = static_cast<int>(panels.size());
    Image result(image.height, count * image.width + (count - 1) * gap, 3);
    std::fill(result.data.begin(), result.data.end(), std::uint8_t{255});
    for (int p = 0; p < count; ++p) {
        for (int y = 0; y < image.height; ++y) {
            std::copy_n(panels[static_cast<std::size_t>(p)].at(y, 0), image.width * 3,
                        result.at(y, p * (image.width + gap)));
        }
    }
    return result;
}

}  // namespace camber
