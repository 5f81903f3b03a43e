#include "report/frame_pictures.h"

#include <camber/label_picture.h>

#include <algorithm>
#include <span>

#include "io/image.h"

namespace camber::report {
namespace {

constexpr int most_width = 320, quality = 82;
constexpr Rgb wrong = {232, 28, 121};

/// RFC 4648.
std::string base64(std::span<const std::uint8_t> bytes) {
    constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < left ? bytes[i + k] : 0u);
        for (std::size_t k = 0; k < 4; ++k) text += k <= left ? digits[group >> (18 - 6 * k) & 63] : '=';
    }
    return text;
}

std::string jpeg_uri(const Image& image) { return "data:image/jpeg;base64," + base64(encode_jpeg(image, quality)); }
std::string png_uri(const Image& image) { return "data:image/png;base64," + base64(encode_png(image)); }

/// `image` in grey, lightened, so that what is marked stands out of it.
Image error_picture(const Image& image, const Image& truth, const Image& prediction, const ClassTable& classes) {
    Image result = with_channels(with_channels(image, 1), 3);
    for (std::size_t i = 0; i < truth.data.size(); ++i) {
        const bool is_void = truth.data[i] == classes.void_id || truth.data[i] >= classes.count();
        const bool is_wrong = !is_void && truth.data[i] != prediction.data[i];
        for (std::size_t c = 0; c < 3; ++c) {
            std::uint8_t& value = result.data[i * 3 + c];
            value = is_wrong ? wrong[c] : static_cast<std::uint8_t>(is_void ? value / 4 : 110 + value * 145 / 255);
        }
    }
    return result;
}

}  // namespace

nlohmann::json frame_pictures(const Image& image, const Image& truth, const Image& prediction,
                              const ClassTable& classes) {
    const int width = std::min(most_width, truth.width);
    const auto height =
        static_cast<int>(std::max<std::int64_t>(1, std::int64_t{truth.height} * width / std::max(truth.width, 1)));
    const Image small = resize_area(with_channels(image, 3), height, width),
                true_ids = resize_nearest(truth, height, width), found_ids = resize_nearest(prediction, height, width);
    return {{"input", jpeg_uri(small)},
            {"truth", png_uri(colour_labels(true_ids, classes))},
            {"prediction", png_uri(colour_labels(found_ids, classes))},
            {"error", jpeg_uri(error_picture(small, true_ids, found_ids, classes))}};
}

}  // namespace camber::report
