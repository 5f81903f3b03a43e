#pragma once
#include <cstddef>
#include <cstdint>

namespace camber {

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4) of `bytes` bytes after those of which `crc` is the CRC: crc32c("ab") is
/// crc32c("b", crc32c("a")). With the processor's instruction for it at about the speed of memory.
std::uint32_t crc32c(const void* data, std::size_t bytes, std::uint32_t crc = 0);

/// The same by tables, on any processor.
std::uint32_t crc32c_by_tables(const void* data, std::size_t bytes, std::uint32_t crc = 0);

}  // namespace camber
