#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// CRCs of 32 bits by tables, of any polynomial, its bits in the order of reflected CRCs.
namespace camber {

using CrcTable = std::array<std::uint32_t, 256>;

/// [k][b]: byte b followed by k zero bytes (slicing by 8: Kounavis and Berry, 2005).
constexpr std::array<CrcTable, 8> make_crc_tables(std::uint32_t polynomial) {
    std::array<CrcTable, 8> tables{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t crc = b;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
        tables[0][b] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t b = 0; b < 256; ++b) tables[k][b] = tables[k - 1][b] >> 8 ^ tables[0][tables[k - 1][b] & 0xFF];
    }
    return tables;
}

/// The register after these bytes, `crc` before them: neither is inverted.
inline std::uint32_t crc_by_tables(const std::array<CrcTable, 8>& tables, const unsigned char* from, std::size_t bytes,
                                   std::uint32_t crc) {
    for (; bytes >= 8; from += 8, bytes -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, from, sizeof word);
        word ^= crc;  // little-endian, as input_file.cpp asserts
        crc = 0;
        for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][word >> (8 * i) & 0xFF];
    }
    for (; bytes > 0; ++from, --bytes) crc = crc >> 8 ^ tables[0][(crc ^ *from) & 0xFF];
    return crc;
}

}  // namespace camber
