#include "io/image.h"

#include <camber/error.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string_view>
#include <utility>

#include "io/atomic_file.h"
#include "io/decoders.h"
#include "io/exif.h"
#include "io/input_file.h"
#include "io/jpeg.h"
#include "io/label_file.h"
#include "io/picture_file.h"
#include "io/png_writer.h"

namespace {

/// stb_image_write ends the program where it gets no memory.
void* allocated(void* block) {
    if (!block) throw std::bad_alloc();
    return block;
}

}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#define STBIW_MALLOC(size) allocated(std::malloc(size))
#define STBIW_REALLOC(block, size) allocated(std::realloc(block, size))
#define STBIW_FREE(block) std::free(block)
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace camber {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

/// From chunk to chunk: an eXIf may follow the pixels.
PictureHeader png_header(const InputFile& file) {
    const auto number = [&](std::uint64_t at) { return __builtin_bswap32(file.number<std::uint32_t>(at)); };
    PictureHeader header;
    constexpr std::uint64_t first = 8, frame = 12;  // of a chunk: its length, its name and its checksum
    header.width = number(first + 8);
    header.height = number(first + 12);
    for (std::uint64_t at = first; at + frame <= file.size();) {
        const std::uint32_t length = number(at);
        constexpr std::uint32_t exif = 'e' << 24 | 'X' << 16 | 'I' << 8 | 'f';
        if (number(at + 4) == exif && length <= file.size() - at - frame) {
            Bytes tiff(length);
            file.read(at + 8, tiff.data(), tiff.size());
            header.orientation = exif_orientation(tiff);
        }
        at += frame + length;
    }
    return header;
}

PictureHeader unchecked_header(const fs::path& path, bool& shrinks) {
    const InputFile file(path);
    constexpr std::uint64_t begin_bytes = 64 << 10;  // cameras put a thumbnail before the frame header
    Bytes begin(static_cast<std::size_t>(std::min(file.size(), begin_bytes)));
    file.read(0, begin.data(), begin.size());
    const PictureFormat format = picture_format(begin);
    shrinks = format == PictureFormat::jpeg && jpeg_decoder_shrinks();
    if (format == PictureFormat::png && file.size() >= 33) return png_header(file);
    if (format == PictureFormat::jpeg) {
        try {
            return jpeg_header(file.name(), begin);
        } catch (const Error&) {  // or the whole file tells why not
        }
    }
    return read_picture_file(path).header;
}

/// `ids` as what they are of a picture that is turned: two channels of bytes.
void turn_upright(std::vector<std::uint16_t>& ids, const PictureHeader& stored) {
    Image bytes(static_cast<int>(stored.height), static_cast<int>(stored.width), 2);
    std::memcpy(bytes.data.data(), ids.data(), bytes.data.size());
    bytes = turned_upright(std::move(bytes), stored.orientation);
    std::memcpy(ids.data(), bytes.data.data(), bytes.data.size());
}

}  // namespace

void check_pixels(const std::string& name, std::int64_t height, std::int64_t width) {
    constexpr std::int64_t most = std::int64_t{1} << 28;
    if (height < 1 || width < 1) fail("{}: is damaged (a picture without pixels); fetch or copy the file again", name);
    if (height > most / width) {
        fail("{}: {}x{} (width x height) is more than {} million pixels", name, width, height, most >> 20);
    }
}

Image::Image(int rows, int columns, int depth) : height(rows), width(columns), channels(depth) {
    if (rows < 1 || columns < 1 || depth < 1) fail("an image of {}x{}x{} has no pixels", rows, columns, depth);
    data.resize(pixels() * static_cast<std::size_t>(depth));
}

void fail_compressed(const std::string& name) {
    fail("{}: is damaged (its compressed data cannot be decoded); fetch or copy the file again", name);
}

void fail_subsampling(const std::string& name) {
    fail("{}: is a JPEG of a chroma subsampling that is not read; save it with 4:2:0 or 4:4:4", name);
}

PictureSize read_picture_size(const fs::path& file) {
    PictureSize size;
    const PictureHeader header = unchecked_header(file, size.shrinks);
    check_pixels(file.string(), header.height, header.width);
    size.height = static_cast<int>(header.height);
    size.width = static_cast<int>(header.width);
    size.orientation = header.orientation;
    if (header.orientation >= 5) std::swap(size.height, size.width);
    return size;
}

Image read_image(const fs::path& file, int channels) { return read_image(file, channels, 1); }

Image read_image(const fs::path& file, int channels, int shrink, bool as_stored) {
    PictureFile read = read_picture_file(file);
    Image image = read.format == PictureFormat::png
                      ? decode_png(read.name, read.bytes, read.header, channels == 4 ? 4 : 3)
                      : read_all(*jpeg_rows(read.name, std::move(read.bytes), read.header, shrink));
    if (image.channels != channels) image = with_channels(image, channels);
    return as_stored ? image : turned_upright(std::move(image), read.header.orientation);
}

Image with_channels(const Image& image, int channels) {
    if (image.channels == channels) return image;
    for (const int count : {image.channels, channels})
        if (!is_picture_channels(count)) fail("pictures have 1, 3 or 4 channels, not {}", count);
    Image result(image.height, image.width, channels);
    const auto from_step = static_cast<std::size_t>(image.channels), to_step = static_cast<std::size_t>(channels);
    const std::uint8_t* from = image.data.data();
    std::uint8_t* to = result.data.data();
    for (std::size_t i = 0; i < image.pixels(); ++i, from += from_step, to += to_step) {
        if (channels == 1) {
            *to = static_cast<std::uint8_t>((19595 * from[0] + 38470 * from[1] + 7471 * from[2] + 32768) >> 16);
            continue;
        }
        for (std::size_t c = 0; c < 3; ++c) to[c] = from[from_step == 1 ? 0 : c];
        if (channels == 4) to[3] = 255;
    }
    return result;
}

LabelFile read_label_file(const fs::path& file) {
    const PictureFile read = read_picture_file(file);
    if (read.format != PictureFormat::png)
        fail("{}: is a JPEG, which changes ids and colours a little everywhere; a label map must be a PNG", read.name);
    const PngHeader& header = read.header;
    LabelFile label;
    label.bits = header.bits;
    label.height = static_cast<int>(header.orientation >= 5 ? header.width : header.height);
    label.width = static_cast<int>(header.orientation >= 5 ? header.height : header.width);
    if (header.type == PngType::rgb || header.type == PngType::rgba) {
        if (header.bits != 8)
            fail("{}: is a label map of {}-bit colours; save it with 8 bits a channel, or as ids", read.name,
                 header.bits);
        label.kind = LabelFile::Kind::colour;
        label.colours = turned_upright(decode_png(read.name, read.bytes, header, header.type == PngType::rgb ? 3 : 4),
                                       header.orientation);
        return label;
    }
    if (header.type == PngType::grey_alpha && header.bits != 8)
        fail("{}: is a label map of 16-bit grey and alpha; save it as grey", read.name);
    label.ids = decode_png_ids(read.name, read.bytes, header);
    if (header.orientation > 1) turn_upright(label.ids, header);
    if (header.type == PngType::palette) {
        label.kind = LabelFile::Kind::palette;
        label.palette = header.palette;
    } else if (header.bits == 2 || header.bits == 4) {
        const int step = 255 / ((1 << header.bits) - 1);
        for (std::uint16_t& id : label.ids) id = static_cast<std::uint16_t>(id * step);
    }
    return label;
}

Image read_label(const fs::path& file) {
    const LabelFile stored = read_label_file(file);
    if (stored.kind == LabelFile::Kind::colour)
        fail("{}: is 8-bit colour; a label map must hold class ids: grey, or with a palette", file.string());
    Image label(stored.height, stored.width, 1);
    for (std::size_t i = 0; i < stored.ids.size(); ++i) {
        if (stored.ids[i] > 255) {
            const auto width = static_cast<std::size_t>(stored.width);
            fail("{}: id {} at row {}, column {} is above 255, the largest that there is", file.string(), stored.ids[i],
                 i / width, i % width);
        }
        label.data[i] = static_cast<std::uint8_t>(stored.ids[i]);
    }
    return label;
}

namespace {

/// What stb_image_write calls with each piece of a file: adds it to the Bytes that `context` is.
void append(void* context, void* data, int size) {
    auto& out = *static_cast<Bytes*>(context);
    const auto* begin = static_cast<const std::uint8_t*>(data);
    out.insert(out.end(), begin, begin + size);
}

}  // namespace

Bytes encode_png(const Image& image) {
    static std::once_flag once;
    std::call_once(once, [] { stbi_write_png_compression_level = 6; });
    Bytes bytes;
    if (!stbi_write_png_to_func(append, &bytes, image.width, image.height, image.channels, image.data.data(), 0)) {
        fail("an image of {}x{}x{} cannot be encoded as PNG", image.height, image.width, image.channels);
    }
    return bytes;
}

Bytes encode_jpeg(const Image& image, int quality) {
    Bytes bytes;
    if (!stbi_write_jpg_to_func(append, &bytes, image.width, image.height, image.channels, image.data.data(), quality))
        fail("an image of {}x{}x{} cannot be encoded as JPEG", image.height, image.width, image.channels);
    return bytes;
}

void write_png(const fs::path& file, const Image& image) {
    PngWriter out(file, image.height, image.width, image.channels);
    out.write(image.height, image.data.data());
    out.commit();
}

}  // namespace camber
