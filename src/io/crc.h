#pragma once
#include <cstddef>
#include <cstdint>

namespace camber {

/// How a CRC is computed: all give the same.
enum class CrcMethod {
    tables,    ///< on any processor
    fold_128,  ///< by carry-less multiplication of 128-bit registers (PCLMULQDQ)
    fold_512,  ///< of 512-bit registers (VPCLMULQDQ): faster than memory
};
/// The fastest that this processor has.
CrcMethod best_crc_method();

/// CRC-32 of zip archives and PNG (PKWARE APPNOTE 4.4.7) of `bytes` bytes after those of which `crc` is the CRC:
/// crc32("ab") is crc32("b", crc32("a")).
std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t crc = 0, CrcMethod method = best_crc_method());

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4), likewise.
std::uint32_t crc32c(const void* data, std::size_t bytes, std::uint32_t crc = 0, CrcMethod method = best_crc_method());

/// The CRC-32 of what has CRC `first`, followed by `bytes` bytes of CRC `second`.
std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second, std::uint64_t bytes);

}  // namespace camber
