#include <png.h>

#include <bit>
#include <csetjmp>
#include <cstring>
#include <new>

#include "io/decoders.h"

namespace camber {
namespace {

/// What libpng reads from, and why it stopped.
struct Source {
    std::span<const std::uint8_t> bytes;
    bool out_of_memory = false;
};

void take(png_structp png, png_bytep to, std::size_t count) {
    auto& bytes = static_cast<Source*>(png_get_io_ptr(png))->bytes;
    if (count > bytes.size()) png_error(png, "cut short");
    std::memcpy(to, bytes.data(), count);
    bytes = bytes.subspan(count);
}

[[noreturn]] void leave(png_structp png, png_const_charp reason) {
    auto& source = *static_cast<Source*>(png_get_error_ptr(png));
    source.out_of_memory = std::string_view(reason) == "Out of memory";
    png_longjmp(png, 1);
}

void say_nothing(png_structp, png_const_charp) {}

enum class Samples { rgb = 3, rgba = 4, stored = 1 };

/// False where it failed. Nothing in here has a destructor: longjmp would pass over it.
bool decode(png_structp png, png_infop info, Source& source, PngType type, Samples samples, png_bytepp rows,
            std::size_t row_bytes) {
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);     // check_pixels has its own
    png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);  // check_png has looked at them
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_read_fn(png, &source, take);
    png_read_info(png, info);
    if (samples == Samples::stored) {
        png_set_packing(png);
        if (std::endian::native == std::endian::little) png_set_swap(png);
        if (type == PngType::grey_alpha) png_set_strip_alpha(png);
    } else {
        png_set_expand(png);
        png_set_strip_16(png);
        png_set_gray_to_rgb(png);
        if (samples == Samples::rgb)
            png_set_strip_alpha(png);
        else
            png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
    }
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != row_bytes) return false;
    png_read_image(png, rows);
    return true;
}

/// Fills `pixels`, rows of `row_bytes`.
void decode(const std::string& name, std::span<const std::uint8_t> bytes, const PngHeader& header, Samples samples,
            std::uint8_t* pixels, std::size_t row_bytes) {
    std::vector<png_bytep> rows(static_cast<std::size_t>(header.height));
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = pixels + y * row_bytes;
    Source source{bytes};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, leave, say_nothing);
    if (!png) throw std::bad_alloc();
    png_infop info = png_create_info_struct(png);
    const bool done = info && decode(png, info, source, header.type, samples, rows.data(), row_bytes);
    const bool out_of_memory = !info || source.out_of_memory;
    png_destroy_read_struct(&png, &info, nullptr);
    if (done) return;
    if (out_of_memory) throw std::bad_alloc();
    fail_compressed(name);
}

}  // namespace

Image decode_png(const std::string& name, std::span<const std::uint8_t> bytes, const PngHeader& header, int channels) {
    Image image(static_cast<int>(header.height), static_cast<int>(header.width), channels);
    decode(name, bytes, header, Samples{channels}, image.data.data(),
           static_cast<std::size_t>(image.width) * static_cast<std::size_t>(channels));
    return image;
}

std::vector<std::uint16_t> decode_png_ids(const std::string& name, std::span<const std::uint8_t> bytes,
                                          const PngHeader& header) {
    const auto width = static_cast<std::size_t>(header.width), count = static_cast<std::size_t>(header.height) * width;
    std::vector<std::uint16_t> ids(count);
    auto* const memory = reinterpret_cast<std::uint8_t*>(ids.data());
    if (header.bits == 16) {
        decode(name, bytes, header, Samples::stored, memory, 2 * width);
        return ids;
    }
    // Into the second half, from where they are spread from the front on without one being overwritten unread.
    std::uint8_t* const narrow = memory + count;
    decode(name, bytes, header, Samples::stored, narrow, width);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint16_t id = narrow[i];
        std::memcpy(memory + 2 * i, &id, sizeof id);
    }
    return ids;
}

}  // namespace camber
