#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "io/input_file.h"

/// The list of a zip archive's members (PKWARE APPNOTE 6.3, with zip64), for archives that store them as they are. A
/// member's bytes are a piece of the file, so nothing is ever inflated and there can be no zip bomb.
namespace camber {

struct ZipMember {
    std::uint64_t begin = 0;  ///< of its bytes in the file
    std::uint64_t size = 0;
    bool compressed = false;                ///< then its bytes are of no use here
    std::optional<std::uint32_t> crc = {};  ///< of its bytes; nothing where its writer left it out, as PyTorch may
};

/// Members by name. Throws Error naming the file when it is cut short or damaged, when a member is encrypted, there
/// twice, outside the file or overlaps another, or there are more than 100,000. Checksums are
/// compared by who reads the bytes: checked_member.h.
std::map<std::string, ZipMember> read_zip(const InputFile& file);

/// Refuses a member whose bytes are not there as they are.
void check_stored(const InputFile& file, const std::string& name, const ZipMember& member);

/// Whether the file begins as zip archives do.
bool looks_like_zip(const InputFile& file);

}  // namespace camber
