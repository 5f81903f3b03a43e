#include "c_interface/picture.h"

#include <cstdlib>
#include <memory>
#include <new>

#include "c_interface/status.h"

namespace camber::c_interface {

Image picture_of(const std::uint8_t* pixels, int height, int width, int channels, std::size_t row_bytes) {
    constexpr std::int64_t most_pixels = std::int64_t{1} << 28;
    if (!pixels) refuse(CAMBER_BAD_ARGUMENT, "the pixels are a null pointer");
    if (height < 1 || width < 1 || std::int64_t{height} * width > most_pixels)
        refuse(CAMBER_BAD_ARGUMENT, "a picture of {}x{} pixels: at least 1x1 and at most 2^28 in all", height, width);
    if (!is_picture_channels(channels))
        refuse(CAMBER_BAD_ARGUMENT, "a picture of {} channels: 1 (grey), 3 (RGB) or 4 (RGBA)", channels);
    const std::size_t row = static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
    if (row_bytes != 0 && row_bytes < row)
        refuse(CAMBER_BAD_ARGUMENT, "rows begin {} bytes apart, but one has {}", row_bytes, row);
    Image image(height, width, channels);
    for (int i = 0; i < height; ++i)
        std::memcpy(image.at(i, 0), pixels + static_cast<std::size_t>(i) * (row_bytes ? row_bytes : row), row);
    return image;
}

}  // namespace camber::c_interface

using namespace camber::c_interface;

camber_status camber_read_picture(const char* file, int32_t channels, uint8_t** pixels, int32_t* height,
                                  int32_t* width) {
    if (pixels) *pixels = nullptr;
    return guarded(CAMBER_BAD_FILE, [&] {
        if (!file || !pixels || !height || !width) refuse(CAMBER_BAD_ARGUMENT, "camber_read_picture: a null pointer");
        if (!camber::is_picture_channels(channels))
            refuse(CAMBER_BAD_ARGUMENT, "a picture of {} channels: 1 (grey), 3 (RGB) or 4 (RGBA)", channels);
        const camber::Image image = camber::read_image(file, channels);
        *pixels = static_cast<uint8_t*>(std::malloc(image.data.size()));
        if (!*pixels) throw std::bad_alloc();
        std::memcpy(*pixels, image.data.data(), image.data.size());
        *height = image.height;
        *width = image.width;
    });
}

void camber_free_picture(uint8_t* pixels) { std::free(pixels); }

camber_status camber_write_png(const char* file, const uint8_t* pixels, int32_t height, int32_t width,
                               int32_t channels) {
    return guarded(CAMBER_FAILED, [&] {
        if (!file) refuse(CAMBER_BAD_ARGUMENT, "the file's name is a null pointer");
        if (channels != 1 && channels != 3)
            refuse(CAMBER_BAD_ARGUMENT, "a PNG of {} channels: 1 (grey, labels) or 3 (RGB)", channels);
        camber::write_png(file, picture_of(pixels, height, width, channels, 0));
    });
}
