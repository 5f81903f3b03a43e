#include <camber/error.h>

#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "io/decoders.h"
#include "io/jpeg.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace camber {

bool jpeg_decoder_shrinks() { return false; }

PictureHeader check_for_decoder(const std::string& name, std::span<const std::uint8_t> jpeg) {
    return check_jpeg(name, jpeg);
}

std::unique_ptr<PictureRows> jpeg_rows(const std::string& name, std::vector<std::uint8_t> bytes,
                                       const PictureHeader& header, int /*shrink*/) {
    int width = 0, height = 0, stored = 0;
    const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
        stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &stored, 3),
        stbi_image_free);
    if (!pixels) {
        const char* const given = stbi_failure_reason();  // it gives none for some failures
        const std::string_view reason = given ? given : "";
        if (reason == "outofmem") throw std::bad_alloc();
        if (reason == "bad H" || reason == "bad V") fail_subsampling(name);
        fail_compressed(name);
    }
    Image image(static_cast<int>(header.height), static_cast<int>(header.width), 3);
    std::memcpy(image.data.data(), pixels.get(), image.data.size());
    return std::make_unique<ImageRows>(std::move(image));
}

}  // namespace camber
