#include "io/image.h"

#include <camber/error.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <string_view>

#include "io/atomic_file.h"
#include "io/exif.h"
#include "io/input_file.h"

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

constexpr std::int64_t max_pixels = std::int64_t{1} << 28;
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

/// Throws where a PNG is cut short or damaged; gives the orientation of its eXIf chunk. stb_image accepts a file
/// without its last chunks and never looks at the checksums, so both are checked here.
int check_png(const fs::path& file, const Bytes& bytes) {
    int orientation = 1;
    for (std::size_t at = 8;;) {
        if (bytes.size() - at < 12) fail_truncated(file);
        const std::size_t length = big_endian(&bytes[at]);
        if (length > bytes.size() - at - 12) fail_truncated(file);
        if (crc32(&bytes[at + 4], length + 4) != big_endian(&bytes[at + 8 + length])) {
            fail("{}: is damaged (wrong checksum in a PNG chunk); fetch or copy the file again", file.string());
        }
        if (std::memcmp(&bytes[at + 4], "eXIf", 4) == 0) orientation = exif_orientation({&bytes[at + 8], length});
        if (std::memcmp(&bytes[at + 4], "IEND", 4) == 0) return orientation;
        at += 12 + length;
    }
}

/// The frame header of a JPEG, as far as it says how many bits a scan has at the least.
struct JpegFrame {
    struct Component {
        int id, across, down;  ///< sampling factors
    };
    bool sequential = true;
    std::int64_t height = 0, width = 0;
    std::vector<Component> components;

    JpegFrame() = default;
    JpegFrame(std::uint8_t marker, std::span<const std::uint8_t> segment) : sequential(marker != 0xC2) {
        if (segment.size() < 6) return;
        height = segment[1] << 8 | segment[2];
        width = segment[3] << 8 | segment[4];
        for (std::size_t at = 6; at + 3 <= segment.size() && components.size() < segment[5]; at += 3)
            components.push_back({segment[at], segment[at + 1] >> 4, segment[at + 1] & 15});
    }
    /// Every block of 8x8 has a code of one bit or more for its first coefficient, and in a sequential scan one for the
    /// end of the others; a progressive scan of the others may leave any number of blocks out.
    std::int64_t least_bits(std::span<const std::uint8_t> scan) const {
        if (scan.empty() || scan.size() < std::size_t{4} + 2 * scan[0]) return 0;
        const std::size_t count = scan[0];
        if (!sequential && scan[1 + 2 * count] != 0) return 0;
        int most_across = 1, most_down = 1;
        for (const Component& c : components)
            most_across = std::max(most_across, c.across), most_down = std::max(most_down, c.down);
        const auto over = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
        std::int64_t blocks = 0;
        for (std::size_t i = 0; i < count; ++i) {
            for (const Component& c : components) {
                if (c.id != scan[1 + 2 * i]) continue;
                // Interleaved components come in whole units of the frame; one alone, in the blocks that it needs.
                blocks += count > 1 ? over(width, 8 * most_across) * over(height, 8 * most_down) * c.across * c.down
                                    : over(width * c.across, 8 * most_across) * over(height * c.down, 8 * most_down);
                break;
            }
        }
        return blocks * (sequential ? 2 : 1);
    }
};

/// Throws where a JPEG is cut short or damaged; gives its Exif orientation. stb_image fills what is missing with grey:
/// walk the segments and scans to the end-of-image marker. A marker that merely occurs in an embedded thumbnail is
/// skipped with its segment.
int check_jpeg(const fs::path& file, const Bytes& bytes) {
    constexpr std::string_view exif("Exif\0\0", 6);
    int orientation = 1;
    JpegFrame frame;
    bool scanned = false;
    std::size_t at = 2;
    const auto need = [&](std::size_t count) {
        if (bytes.size() - at < count) fail_truncated(file);
    };
    for (;;) {
        need(2);
        if (bytes[at] != 0xFF) fail("{}: is damaged (no JPEG marker at byte {})", file.string(), at);
        const std::uint8_t marker = bytes[at + 1];
        if (marker == 0xFF) {  // padding
            ++at;
            continue;
        }
        at += 2;
        if (marker == 0xD9) break;
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;
        need(2);
        const std::size_t length = std::size_t{bytes[at]} << 8 | bytes[at + 1];
        if (length < 2) fail("{}: is damaged (a JPEG segment of length {})", file.string(), length);
        need(length);
        const std::span segment(bytes.data() + at + 2, length - 2);
        at += length;
        if (marker == 0xE1 && segment.size() > exif.size() &&
            std::equal(exif.begin(), exif.end(), segment.begin(), [](char a, std::uint8_t b) { return a == b; }))
            orientation = exif_orientation(segment.subspan(exif.size()));
        if (marker >= 0xC0 && marker <= 0xC2) frame = JpegFrame(marker, segment);
        if (marker != 0xDA) continue;
        const std::size_t begin = at;
        for (;; ++at) {  // entropy-coded data: to the next marker that is neither a stuffed zero nor a restart
            need(2);
            if (bytes[at] == 0xFF && bytes[at + 1] != 0 && (bytes[at + 1] < 0xD0 || bytes[at + 1] > 0xD7) &&
                bytes[at + 1] != 0xFF) {
                break;
            }
        }
        if (static_cast<std::int64_t>(at - begin) * 8 < frame.least_bits(segment))
            fail("{}: is cut short: a scan of {} bytes holds no picture of {}x{} (width x height)", file.string(),
                 at - begin, frame.width, frame.height);
        scanned = true;
    }
    if (!scanned) fail_truncated(file);
    return orientation;
}

Image decode(const fs::path& file, const Bytes& bytes, int channels) {
    const int size = static_cast<int>(bytes.size());
    int width = 0, height = 0, stored = 0;
    // A reason as stb_image gives it.
    const auto refuse = [&file](const std::string& reason) {
        if (reason == "outofmem") throw std::bad_alloc();
        fail("{}: is not an image that can be read ({})", file.string(), reason);
    };
    if (!stbi_info_from_memory(bytes.data(), size, &width, &height, &stored)) {
        refuse(stbi_failure_reason());
    }
    if (std::int64_t{width} * height > max_pixels) {
        fail("{}: {}x{} is more than {} million pixels", file.string(), width, height, max_pixels >> 20);
    }
    const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
        stbi_load_from_memory(bytes.data(), size, &width, &height, &stored, channels), stbi_image_free);
    if (!pixels) refuse(stbi_failure_reason());
    Image image(height, width, channels);
    std::memcpy(image.data.data(), pixels.get(), image.data.size());
    return image;
}

struct PictureFile {
    Bytes bytes;
    int orientation = 1;
};

PictureFile read_checked(const fs::path& file) {
    PictureFile read{read_bytes(file)};
    switch (format_of(read.bytes)) {
        case Format::png:
            read.orientation = check_png(file, read.bytes);
            break;
        case Format::jpeg:
            read.orientation = check_jpeg(file, read.bytes);
            break;
        case Format::unknown:
            fail("{}: is not a PNG or JPEG image", file.string());
    }
    return read;
}

}  // namespace

Image::Image(int rows, int columns, int depth) : height(rows), width(columns), channels(depth) {
    if (rows < 1 || columns < 1 || depth < 1) fail("an image of {}x{}x{} has no pixels", rows, columns, depth);
    data.resize(pixels() * static_cast<std::size_t>(depth));
}

Image read_image(const fs::path& file) {
    const PictureFile read = read_checked(file);
    return turned_upright(decode(file, read.bytes, 3), read.orientation);
}

Image read_label(const fs::path& file) {
    const auto [bytes, orientation] = read_checked(file);
    if (format_of(bytes) != Format::png)
        fail("{}: a label map must be a PNG, JPEG would change its ids", file.string());
    // IHDR is the first chunk: after signature, length and name come width, height, bit depth, colour type.
    const int depth = bytes.size() > 25 ? bytes[24] : 0, type = bytes.size() > 25 ? bytes[25] : -1;
    if (depth != 8 || type != 0) {
        const char* kind = type == 3                ? "palette"
                           : type == 2 || type == 6 ? "colour"
                           : type == 4              ? "grey and alpha"
                                                    : "grey";
        fail("{}: is {}-bit {}; a label map must be 8-bit grey with class ids as values", file.string(), depth, kind);
    }
    return turned_upright(decode(file, bytes, 1), orientation);
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
