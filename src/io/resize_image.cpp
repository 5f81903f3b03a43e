#include <camber/error.h>
#include <camber/image.h>

#include <algorithm>

#include "io/row_resizer.h"

namespace camber {
namespace {

void check_size(int height, int width) {
    if (height < 1 || width < 1) fail("cannot resize an image to {}x{}", height, width);
}

}  // namespace

Image resize_area(const Image& image, int height, int width) {
    check_size(height, width);
    if (height == image.height && width == image.width) return image;
    RowResizer resizer(image.height, image.width, image.channels, height, width);
    Image result(height, width, image.channels);
    for (int y = 0; y < height; ++y) resizer.next([&](int from) { return image.at(from, 0); }, result.at(y, 0));
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
