#include "io/picture_file.h"

#include <camber/error.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "io/decoders.h"
#include "io/input_file.h"
#include "io/jpeg.h"

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

/// Says what a file of another format is, where its first bytes tell.
[[noreturn]] void fail_unknown(const std::string& name, std::span<const std::uint8_t> bytes) {
    using namespace std::string_view_literals;
    struct Kind {
        const char* name;
        std::size_t at;
        std::string_view mark;
    };
    constexpr std::array kinds = {Kind{"TIFF", 0, "II*\0"sv}, Kind{"TIFF", 0, "MM\0*"sv}, Kind{"TIFF", 0, "II+\0"sv},
                                  Kind{"WebP", 8, "WEBP"sv},  Kind{"GIF", 0, "GIF8"sv},   Kind{"BMP", 0, "BM"sv},
                                  Kind{"HEIF", 4, "ftyp"sv}};
    for (const Kind& kind : kinds) {
        const auto mark = bytes.subspan(std::min(kind.at, bytes.size()));
        if (mark.size() < kind.mark.size() || !std::equal(kind.mark.begin(), kind.mark.end(), mark.begin())) continue;
        fail("{}: is a {} picture; PNG and JPEG are read: convert it, as `magick mogrify -format png` does", name,
             kind.name);
    }
    fail("{}: is not a PNG or JPEG image", name);
}

}  // namespace

PictureFormat picture_format(std::span<const std::uint8_t> bytes) {
    if (bytes.size() >= 8 && std::equal(png_signature.begin(), png_signature.end(), bytes.begin()))
        return PictureFormat::png;
    if (bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF) return PictureFormat::jpeg;
    return PictureFormat::unknown;
}

PictureFormat picture_format(const fs::path& file) {
    const InputFile input(file);
    std::array<std::uint8_t, png_signature.size()> begin{};
    input.read(0, begin.data(), static_cast<std::size_t>(std::min<std::uint64_t>(begin.size(), input.size())));
    return picture_format(begin);
}

PictureFile read_picture_file(const fs::path& file) {
    PictureFile read{file.string(), read_bytes(file), PictureFormat::unknown, {}};
    read.format = picture_format(read.bytes);
    switch (read.format) {
        case PictureFormat::png:
            read.header = check_png(read.name, read.bytes);
            break;
        case PictureFormat::jpeg:
            static_cast<PictureHeader&>(read.header) = check_for_decoder(read.name, read.bytes);
            break;
        case PictureFormat::unknown:
            fail_unknown(read.name, read.bytes);
    }
    return read;
}

}  // namespace camber
