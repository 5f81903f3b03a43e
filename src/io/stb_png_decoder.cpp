#include <camber/error.h>

#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "io/decoders.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace camber {
namespace {

using Bytes = std::span<const std::uint8_t>;

template <class T>
using Pixels = std::unique_ptr<T, void (*)(void*)>;

[[noreturn]] void fail_for_reason(const std::string& name) {
    const char* const reason = stbi_failure_reason();  // it gives none for some failures
    if (reason && std::string_view(reason) == "outofmem") throw std::bad_alloc();
    fail_compressed(name);
}

template <class T>
Pixels<T> checked(T* pixels, const std::string& name) {
    if (!pixels) fail_for_reason(name);
    return {pixels, stbi_image_free};
}

Pixels<stbi_uc> load(const std::string& name, Bytes bytes, int channels) {
    int width = 0, height = 0, stored = 0;
    return checked(
        stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &stored, channels), name);
}

/// The file as if it were grey: its samples lie alike, and stb_image looks a palette up otherwise.
std::vector<std::uint8_t> without_palette(Bytes bytes) {
    std::vector<std::uint8_t> grey(bytes.begin(), bytes.end());
    constexpr std::size_t type = 25;
    grey[type] = static_cast<std::uint8_t>(PngType::grey);
    for (std::size_t at = 8; at + 12 <= grey.size();) {
        const std::size_t length = std::size_t{grey[at]} << 24 | std::size_t{grey[at + 1]} << 16 |
                                   std::size_t{grey[at + 2]} << 8 | grey[at + 3];
        char* const chunk = reinterpret_cast<char*>(&grey[at + 4]);
        if (std::memcmp(chunk, "PLTE", 4) == 0 || std::memcmp(chunk, "tRNS", 4) == 0) std::memcpy(chunk, "noNe", 4);
        at += 12 + length;
    }
    return grey;
}

}  // namespace

Image decode_png(const std::string& name, Bytes bytes, const PngHeader& header, int channels) {
    Image image(static_cast<int>(header.height), static_cast<int>(header.width), channels);
    std::memcpy(image.data.data(), load(name, bytes, channels).get(), image.data.size());
    return image;
}

std::unique_ptr<PictureRows> png_rows(const std::filesystem::path& /*file*/, int /*channels*/) { return nullptr; }

std::vector<std::uint16_t> decode_png_ids(const std::string& name, Bytes bytes, const PngHeader& header) {
    const auto count = static_cast<std::size_t>(header.height * header.width);
    if (header.bits == 16) {
        int width = 0, height = 0, stored = 0;
        const auto pixels = checked(
            stbi_load_16_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &stored, 1), name);
        return {pixels.get(), pixels.get() + count};
    }
    const auto pixels = header.type == PngType::palette ? load(name, without_palette(bytes), 1) : load(name, bytes, 1);
    // It spreads samples of less than 8 bits over 0 .. 255.
    const int step = 255 / ((1 << header.bits) - 1);
    std::vector<std::uint16_t> ids(count);
    for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<std::uint16_t>(pixels.get()[i] / step);
    return ids;
}

}  // namespace camber
