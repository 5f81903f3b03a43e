#include "io/checked_member.h"

#include <camber/error.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "io/crc.h"
#include "io/printable.h"

namespace camber {
namespace {

/// What a processor's cache holds between reading and checking.
constexpr std::size_t most_bytes = std::size_t{256} << 10;

[[noreturn]] void damaged(const InputFile& file, const std::string& name) {
    fail(
        "{}: damaged: the bytes of '{}' in the archive do not have the checksum that was written with them; fetch it "
        "again",
        file.name(), printable(name));
}

}  // namespace

void CheckedMember::read_floats(const InputFile& file, ElementType type, std::uint64_t offset, float* to,
                                std::size_t count) {
    used_ = true;
    if (!member_.crc || checked_) return file.read_floats(type, offset, to, count);
    file.read_floats(type, offset, to, count, [&](std::uint64_t at, const void* bytes, std::size_t size) {
        add(file, at - begin_, bytes, size);
    });
}

void CheckedMember::add(const InputFile& file, std::uint64_t from, const void* bytes, std::size_t count) {
    join(file, from, from + count, crc32(bytes, count));
}

void CheckedMember::join(const InputFile& file, std::uint64_t from, std::uint64_t end, std::uint32_t crc) {
    const std::lock_guard lock(guard_);
    auto next = pieces_.lower_bound(from);
    const bool overlaps =
        (next != pieces_.end() && next->first < end) || (next != pieces_.begin() && std::prev(next)->second.end > from);
    if (overlaps) return;  // of a storage that tensors share
    if (next != pieces_.end() && next->first == end) {
        crc = crc32_joined(crc, next->second.crc, next->second.end - next->first);
        end = next->second.end;
        next = pieces_.erase(next);
    }
    if (next != pieces_.begin() && std::prev(next)->second.end == from) {
        Piece& last = std::prev(next)->second;
        last.crc = crc32_joined(last.crc, crc, end - from);
        last.end = end;
        next = std::prev(next);
    } else {
        next = pieces_.insert(next, {from, {end, crc}});
    }
    if (next->first != 0 || next->second.end != member_.size) return;
    if (next->second.crc != *member_.crc) damaged(file, name_);
    checked_ = true;
}

void CheckedMember::check_rest(const InputFile& file) {
    if (!member_.crc || !used_ || checked_) return;
    std::vector<char> staged(std::min<std::uint64_t>(most_bytes, member_.size));
    for (std::uint64_t at = 0; at < member_.size;) {
        std::uint64_t end = member_.size;
        {
            const std::lock_guard lock(guard_);
            const auto next = pieces_.upper_bound(at);
            if (next != pieces_.begin() && std::prev(next)->second.end > at) {
                at = std::prev(next)->second.end;
                continue;
            }
            if (next != pieces_.end()) end = next->first;
        }
        const std::size_t count = std::min<std::uint64_t>(end - at, staged.size());
        file.read(begin_ + at, staged.data(), count);
        add(file, at, staged.data(), count);
        at += count;
    }
}

std::string read_member(const InputFile& file, const std::string& name, const ZipMember& member, std::uint64_t most) {
    check_stored(file, name, member);
    if (member.size > most) {
        fail("{}: '{}' in the archive has {} bytes, where {} are the most", file.name(), printable(name), member.size,
             most);
    }
    std::string bytes(member.size, '\0');
    file.read(member.begin, bytes.data(), bytes.size());
    if (member.crc && crc32(bytes.data(), bytes.size()) != *member.crc) damaged(file, name);
    return bytes;
}

}  // namespace camber
