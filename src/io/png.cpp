#include "io/png.h"

#include <camber/error.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "io/crc.h"
#include "io/exif.h"

namespace camber {
namespace {

using Bytes = std::span<const std::uint8_t>;

std::uint32_t big_endian(const std::uint8_t* p) {
    return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}

void read_header(const std::string& name, Bytes data, PngHeader& header) {
    header.width = big_endian(&data[0]);
    header.height = big_endian(&data[4]);
    check_pixels(name, header.height, header.width);
    header.bits = data[8];
    header.type = PngType{data[9]};
    const auto one_of = [&](std::initializer_list<int> depths) {
        return std::find(depths.begin(), depths.end(), header.bits) != depths.end();
    };
    bool known = false;
    switch (header.type) {
        case PngType::grey:
            known = one_of({1, 2, 4, 8, 16});
            break;
        case PngType::palette:
            known = one_of({1, 2, 4, 8});
            break;
        case PngType::rgb:
        case PngType::grey_alpha:
        case PngType::rgba:
            known = one_of({8, 16});
            break;
        default:
            fail("{}: is damaged (a PNG of colour type {}, which there is not); fetch or copy the file again", name,
                 data[9]);
    }
    if (!known) fail("{}: is a PNG of a bit depth that the format does not have; save it with 8 bits", name);
    if (data[10] != 0 || data[11] != 0 || data[12] > 1)
        fail("{}: is damaged (a PNG header that is none); fetch or copy the file again", name);
}

void read_palette(const std::string& name, Bytes data, PngHeader& header) {
    if (data.empty() || data.size() % 3 != 0 || data.size() > 3 * 256)
        fail("{}: is damaged (a palette of {} bytes); fetch or copy the file again", name, data.size());
    header.palette.clear();
    for (std::size_t i = 0; i < data.size(); i += 3) header.palette.push_back({data[i], data[i + 1], data[i + 2]});
}

}  // namespace

PngHeader check_png(const std::string& name, Bytes bytes) {
    constexpr std::size_t signature = 8, frame = 12;  // of a chunk: its length, its name and its checksum
    const auto cut_short = [&] { fail("{}: is cut short; fetch or copy the file again", name); };
    PngHeader header;
    bool has_data = false;
    for (std::size_t at = signature;;) {
        if (bytes.size() < at + frame) cut_short();
        const std::size_t length = big_endian(&bytes[at]);
        if (length > bytes.size() - at - frame) cut_short();
        if (crc32(&bytes[at + 4], length + 4) != big_endian(&bytes[at + 8 + length]))
            fail("{}: is damaged (wrong checksum in a PNG chunk); fetch or copy the file again", name);
        const Bytes data = bytes.subspan(at + 8, length);
        const std::string_view chunk(reinterpret_cast<const char*>(&bytes[at + 4]), 4);
        if ((chunk == "IHDR") != (at == signature) || (at == signature && length != 13))
            fail("{}: is damaged (a PNG without its header); fetch or copy the file again", name);
        if (chunk == "IHDR") {
            read_header(name, data, header);
        } else if (chunk == "PLTE") {
            read_palette(name, data, header);
        } else if (chunk == "IDAT") {
            has_data = true;
            if (header.type == PngType::palette && header.palette.empty())
                fail("{}: is a PNG whose palette is missing; save it again as RGB", name);
        } else if (chunk == "eXIf") {
            header.orientation = exif_orientation(data);
        } else if (chunk == "IEND") {
            if (!has_data) cut_short();
            return header;
        } else if (!(bytes[at + 4] & 0x20)) {  // a capital: without it the picture cannot be made
            fail("{}: is a PNG with a part that is not read and must be; save it again", name);
        }
        at += frame + length;
    }
}

}  // namespace camber
