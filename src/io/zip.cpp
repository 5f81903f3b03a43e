#include "io/zip.h"

#include <camber/error.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "io/printable.h"

namespace camber {
namespace {

constexpr std::uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50, end_signature = 0x06054b50,
                        end64_signature = 0x06064b50, locator_signature = 0x07064b50;
constexpr std::uint64_t local_bytes = 30, central_bytes = 46, end_bytes = 22, end64_bytes = 56, locator_bytes = 20;
constexpr std::uint64_t most_members = 100'000;
constexpr std::uint32_t in_zip64 = 0xffffffff;  ///< stands in a 32-bit field whose value is in the zip64 one

template <class T>
T number(const char* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

/// Where the central directory is.
struct Directory {
    std::uint64_t begin = 0, size = 0, members = 0;
};

[[noreturn]] void damaged(const InputFile& file, std::string_view what) {
    fail("{}: a damaged zip archive, or one cut short ({})", file.name(), what);
}

/// The zip64 end record that the locator before the end record at `end` points to.
Directory read_end64(const InputFile& file, std::uint64_t end) {
    if (end < locator_bytes || file.number<std::uint32_t>(end - locator_bytes) != locator_signature) {
        damaged(file, "its zip64 locator is missing");
    }
    const auto at = file.number<std::uint64_t>(end - locator_bytes + 8);
    if (at > end - locator_bytes || end - locator_bytes - at < end64_bytes ||
        file.number<std::uint32_t>(at) != end64_signature) {
        damaged(file, "its zip64 end record is not where it should be");
    }
    return {file.number<std::uint64_t>(at + 48), file.number<std::uint64_t>(at + 40),
            file.number<std::uint64_t>(at + 32)};
}

Directory find_directory(const InputFile& file) {
    // The end record is last, before a comment of at most 65,535 bytes.
    const std::uint64_t tail = std::min<std::uint64_t>(file.size(), end_bytes + 0xffff);
    if (tail < end_bytes) damaged(file, "too short for its list of members");
    std::string bytes(tail, '\0');
    file.read(file.size() - tail, bytes.data(), bytes.size());
    for (std::size_t at = tail - end_bytes + 1; at-- > 0;) {
        const char* record = bytes.data() + at;
        if (number<std::uint32_t>(record) != end_signature) continue;
        if (number<std::uint16_t>(record + 20) != tail - at - end_bytes) continue;
        const std::uint64_t end = file.size() - tail + at;
        Directory directory{number<std::uint32_t>(record + 16), number<std::uint32_t>(record + 12),
                            number<std::uint16_t>(record + 10)};
        if (directory.begin == in_zip64 || directory.size == in_zip64 || directory.members == 0xffff) {
            directory = read_end64(file, end);
        } else if (number<std::uint16_t>(record + 4) != 0 || number<std::uint16_t>(record + 6) != 0) {
            fail("{}: one part of a zip archive in several", file.name());
        }
        if (directory.begin > end || directory.size > end - directory.begin) {
            damaged(file, "its list of members is outside the file");
        }
        if (directory.members > directory.size / central_bytes) damaged(file, "more members than their list has room");
        if (directory.members > most_members) {
            fail("{}: a zip archive of {} members; no file of weights has more than {}", file.name(), directory.members,
                 most_members);
        }
        return directory;
    }
    damaged(file, "its list of members is missing");
}

/// Takes sizes and offset from the zip64 field where the 32-bit ones have no room for them.
void read_extra(const InputFile& file, std::string_view extra, std::uint64_t& size, std::uint64_t& stored,
                std::uint64_t& offset) {
    while (extra.size() >= 4) {
        const auto id = number<std::uint16_t>(extra.data());
        const std::size_t length = number<std::uint16_t>(extra.data() + 2);
        if (length > extra.size() - 4) break;
        std::string_view field = extra.substr(4, length);
        extra.remove_prefix(4 + length);
        if (id != 1) continue;
        for (std::uint64_t* value : {&size, &stored, &offset}) {
            if (*value != in_zip64) continue;
            if (field.size() < 8) damaged(file, "a zip64 field too short");
            *value = number<std::uint64_t>(field.data());
            field.remove_prefix(8);
        }
        return;
    }
}

}  // namespace

void check_stored(const InputFile& file, const std::string& name, const ZipMember& member) {
    if (!member.compressed) return;
    fail(
        "{}: member '{}' of the zip archive is compressed; files of weights store theirs as they are: unpack it, or "
        "pack it again without compression (zip -0)",
        file.name(), printable(name));
}

bool looks_like_zip(const InputFile& file) {
    return file.size() >= 4 && file.number<std::uint32_t>(0) == local_signature;
}

std::map<std::string, ZipMember> read_zip(const InputFile& file) {
    const Directory directory = find_directory(file);
    std::string list(directory.size, '\0');
    file.read(directory.begin, list.data(), list.size());

    std::map<std::string, ZipMember> members;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> extents;  // from a member's header to the end of its bytes
    std::string_view rest = list;
    for (std::uint64_t i = 0; i < directory.members; ++i) {
        if (rest.size() < central_bytes || number<std::uint32_t>(rest.data()) != central_signature) {
            damaged(file, "its list of members breaks off");
        }
        const auto flags = number<std::uint16_t>(rest.data() + 8), method = number<std::uint16_t>(rest.data() + 10);
        const auto crc = number<std::uint32_t>(rest.data() + 16);
        std::uint64_t stored = number<std::uint32_t>(rest.data() + 20), size = number<std::uint32_t>(rest.data() + 24),
                      offset = number<std::uint32_t>(rest.data() + 42);
        const std::size_t name_length = number<std::uint16_t>(rest.data() + 28),
                          extra_length = number<std::uint16_t>(rest.data() + 30),
                          comment_length = number<std::uint16_t>(rest.data() + 32);
        rest.remove_prefix(central_bytes);
        if (rest.size() < name_length + extra_length + comment_length) damaged(file, "a member's name breaks off");
        const std::string name(rest.substr(0, name_length));
        read_extra(file, rest.substr(name_length, extra_length), size, stored, offset);
        rest.remove_prefix(name_length + extra_length + comment_length);

        if (flags & 1) fail("{}: member '{}' of the zip archive is encrypted", file.name(), printable(name));
        const bool compressed = method != 0;
        if (!compressed && stored != size) damaged(file, fmt::format("member '{}' has two sizes", printable(name)));
        if (offset > directory.begin || directory.begin - offset < local_bytes ||
            file.number<std::uint32_t>(offset) != local_signature) {
            damaged(file, fmt::format("member '{}' is not where the list says", printable(name)));
        }
        const std::uint64_t begin =
            offset + local_bytes + file.number<std::uint16_t>(offset + 26) + file.number<std::uint16_t>(offset + 28);
        if (begin > directory.begin || stored > directory.begin - begin) {
            damaged(file, fmt::format("member '{}' of {} bytes ends outside the file", printable(name), stored));
        }
        extents.emplace_back(offset, begin + stored);
        // torch.serialization.set_crc32_options(False) writes zeros, which else one member in four billion has.
        const std::optional<std::uint32_t> checksum = crc == 0 ? std::nullopt : std::optional(crc);
        if (!members.emplace(name, ZipMember{begin, stored, compressed, checksum}).second) {
            fail("{}: the zip archive has '{}' twice", file.name(), printable(name));
        }
    }
    std::sort(extents.begin(), extents.end());
    for (std::size_t i = 1; i < extents.size(); ++i) {
        if (extents[i].first < extents[i - 1].second) damaged(file, "two members overlap");
    }
    return members;
}

}  // namespace camber
