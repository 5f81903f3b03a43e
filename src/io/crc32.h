#pragma once
#include <cstddef>
#include <cstdint>

namespace camber {

/// CRC-32 of zip archives (PKWARE APPNOTE 4.4.7) of `bytes` bytes after those of which `crc` is the CRC. With the
/// processor's carry-less multiplication at about the speed of a cache.
std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t crc = 0);

/// The same by tables, on any processor.
std::uint32_t crc32_by_tables(const void* data, std::size_t bytes, std::uint32_t crc = 0);

/// The CRC of what has CRC `first`, followed by `bytes` bytes of CRC `second`.
std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second, std::uint64_t bytes);

}  // namespace camber
