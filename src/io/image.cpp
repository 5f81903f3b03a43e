#include "io/image.h"

#include <camber/error.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string_view>
#include <utility>

#include "io/atomic_file.h"
#include "io/exif.h"
#include "io/input_file.h"
#include "io/jpeg.h"

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
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#include <stb/stb_image.h>
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

constexpr std::array<std::uint8_t, 8> png_signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

Bytes read_bytes(const fs::path& file) {
    constexpr std::uint64_t most_bytes = 1 << 30;
    const InputFile input(file);
    if (input.size() == 0) fail("{}: is empty; fetch or copy the file again", file.string());
    if (input.size() > most_bytes) fail("{}: is larger than 1 GiB", file.string());
    Bytes bytes(static_cast<std::size_t>(input.size()));
    input.read(0, bytes.data(), bytes.size());
    return bytes;
}

std::uint32_t big_endian(const std::uint8_t* p) {
    return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}

std::uint32_t crc32(const std::uint8_t* data, std::size_t size) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t c = i;
            for (int k = 0; k < 8; ++k) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            t[i] = c;
        }
        return t;
    }();
    std::uint32_t c = 0xFFFFFFFFu;
    for (std::size_t i = 0; i < size; ++i) c = table[(c ^ data[i]) & 0xFF] ^ (c >> 8);
    return ~c;
}

enum class Format { png, jpeg, unknown };

Format format_of(const Bytes& bytes) {
    if (bytes.size() >= 8 && std::equal(png_signature.begin(), png_signature.end(), bytes.begin())) return Format::png;
    if (bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF) return Format::jpeg;
    return Format::unknown;
}

[[noreturn]] void fail_truncated(const fs::path& file) {
    fail("{}: is cut short; fetch or copy the file again", file.string());
}

/// Throws where a PNG is cut short or damaged. stb_image accepts a file without its last chunks and never looks at the
/// checksums, so both are checked here.
PictureHeader check_png(const fs::path& file, const Bytes& bytes) {
    PictureHeader header;
    for (std::size_t at = 8;;) {
        if (bytes.size() - at < 12) fail_truncated(file);
        const std::size_t length = big_endian(&bytes[at]);
        if (length > bytes.size() - at - 12) fail_truncated(file);
        if (crc32(&bytes[at + 4], length + 4) != big_endian(&bytes[at + 8 + length])) {
            fail("{}: is damaged (wrong checksum in a PNG chunk); fetch or copy the file again", file.string());
        }
        if (at == 8) {  // the first chunk: width, height, bit depth, colour type and three bytes more
            if (std::memcmp(&bytes[at + 4], "IHDR", 4) != 0 || length != 13)
                fail("{}: is damaged (a PNG without its header); fetch or copy the file again", file.string());
            header.width = big_endian(&bytes[at + 8]);
            header.height = big_endian(&bytes[at + 12]);
            check_pixels(file.string(), header.height, header.width);
        }
        if (std::memcmp(&bytes[at + 4], "eXIf", 4) == 0)
            header.orientation = exif_orientation({&bytes[at + 8], length});
        if (std::memcmp(&bytes[at + 4], "IEND", 4) == 0) return header;
        at += 12 + length;
    }
}

/// What stb_image gives as its reason, and what that means to whom the file belongs. What is not here is damage.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> other_reasons = {{
    {"too large", "has too many pixels to be read; make it smaller"},
    {"bad H", "is a JPEG of a chroma subsampling that is not read; save it with 4:2:0 or 4:4:4"},
    {"bad V", "is a JPEG of a chroma subsampling that is not read; save it with 4:2:0 or 4:4:4"},
    {"bad component count", "is a JPEG of neither 1, 3 nor 4 channels; save it as RGB"},
    {"1/2/4/8/16-bit only", "is a PNG of a bit depth that the format does not have; save it with 8 bits"},
    {"no PLTE", "is a PNG whose palette is missing; save it again as RGB"},
}};

[[noreturn]] void fail_undecoded(const std::string& name, std::string_view reason, Format format) {
    if (reason == "outofmem") throw std::bad_alloc();
    for (const auto& [theirs, ours] : other_reasons)
        if (reason == theirs) fail("{}: {}", name, ours);
    if (format == Format::png && reason.ends_with(" PNG chunk not known"))
        fail("{}: is a PNG with a part that is not read and must be; save it again", name);
    fail("{}: is damaged (its compressed data cannot be decoded); fetch or copy the file again", name);
}

struct PictureFile {
    Bytes bytes;
    Format format;
    PictureHeader header;
};

PictureFile read_checked(const fs::path& file) {
    PictureFile read{read_bytes(file), Format::unknown, {}};
    read.format = format_of(read.bytes);
    switch (read.format) {
        case Format::png:
            read.header = check_png(file, read.bytes);
            break;
        case Format::jpeg:
            read.header = check_jpeg(file.string(), read.bytes);
            break;
        case Format::unknown:
            fail("{}: is not a PNG or JPEG image", file.string());
    }
    return read;
}

/// The pixels as they are stored.
Image decode(const fs::path& file, const PictureFile& read, int channels) {
    int width = 0, height = 0, stored = 0;
    const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
        stbi_load_from_memory(read.bytes.data(), static_cast<int>(read.bytes.size()), &width, &height, &stored,
                              channels),
        stbi_image_free);
    // It gives no reason for some failures.
    const char* const reason = pixels ? "" : stbi_failure_reason();
    if (!pixels) fail_undecoded(file.string(), reason ? reason : "", read.format);
    Image image(height, width, channels);
    std::memcpy(image.data.data(), pixels.get(), image.data.size());
    return image;
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

Image read_image(const fs::path& file) {
    const PictureFile read = read_checked(file);
    return turned_upright(decode(file, read, 3), read.header.orientation);
}

Image read_label(const fs::path& file) {
    const PictureFile read = read_checked(file);
    if (read.format != Format::png) fail("{}: a label map must be a PNG, JPEG would change its ids", file.string());
    const int depth = read.bytes[24], type = read.bytes[25];  // of IHDR, after width and height
    if (depth != 8 || type != 0) {
        const char* kind = type == 3                ? "palette"
                           : type == 2 || type == 6 ? "colour"
                           : type == 4              ? "grey and alpha"
                                                    : "grey";
        fail("{}: is {}-bit {}; a label map must be 8-bit grey with class ids as values", file.string(), depth, kind);
    }
    return turned_upright(decode(file, read, 1), read.header.orientation);
}

Bytes encode_png(const Image& image) {
    static std::once_flag once;
    std::call_once(once, [] { stbi_write_png_compression_level = 6; });
    Bytes bytes;
    const auto append = [](void* context, void* data, int size) {
        auto& out = *static_cast<Bytes*>(context);
        const auto* begin = static_cast<const std::uint8_t*>(data);
        out.insert(out.end(), begin, begin + size);
    };
    if (!stbi_write_png_to_func(append, &bytes, image.width, image.height, image.channels, image.data.data(), 0)) {
        fail("an image of {}x{}x{} cannot be encoded as PNG", image.height, image.width, image.channels);
    }
    return bytes;
}

void write_png(const fs::path& file, const Image& image) {
    const Bytes bytes = encode_png(image);
    AtomicFile out(file);
    out.write(bytes.data(), bytes.size());
    out.commit();
}

}  // namespace camber
