#include "io/crc32c.h"

#include <cstring>

#include "io/crc_tables.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace camber {
namespace {

constexpr std::array<CrcTable, 8> tables = make_crc_tables(0x82F63B78u);

#if defined(__x86_64__)

std::uint64_t word_at(const unsigned char* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
}

/// The instruction takes 3 cycles and can begin in each: three parts of this many bytes at a time keep it busy.
constexpr std::size_t part = 8192;

/// Appends `part` zero bytes to what a CRC is of, a byte of the CRC at a time.
class Shift {
  public:
    Shift() {
        for (std::size_t bit = 0; bit < 32; ++bit) {
            std::uint32_t crc = 1u << bit;
            for (std::size_t i = 0; i < part; ++i) crc = crc >> 8 ^ tables[0][crc & 0xFF];
            CrcTable& table = of_[bit / 8];
            const std::size_t value = std::size_t{1} << bit % 8;  // linear: those with this bit are those without, xor
            for (std::size_t below = 0; below < value; ++below) table[value + below] = table[below] ^ crc;
        }
    }
    std::uint32_t operator()(std::uint32_t crc) const {
        return of_[0][crc & 0xFF] ^ of_[1][crc >> 8 & 0xFF] ^ of_[2][crc >> 16 & 0xFF] ^ of_[3][crc >> 24];
    }

  private:
    std::array<CrcTable, 4> of_{};
};

__attribute__((target("sse4.2"))) std::uint32_t by_instruction(const unsigned char* from, std::size_t bytes,
                                                               std::uint32_t crc) {
    static const Shift shift;
    std::uint64_t first = ~crc;
    for (; bytes >= 3 * part; from += 3 * part, bytes -= 3 * part) {
        std::uint64_t second = 0, third = 0;
        for (std::size_t i = 0; i < part; i += 8) {
            first = _mm_crc32_u64(first, word_at(from + i));
            second = _mm_crc32_u64(second, word_at(from + part + i));
            third = _mm_crc32_u64(third, word_at(from + 2 * part + i));
        }
        first = shift(shift(static_cast<std::uint32_t>(first)) ^ static_cast<std::uint32_t>(second)) ^ third;
    }
    for (; bytes >= 8; from += 8, bytes -= 8) first = _mm_crc32_u64(first, word_at(from));
    auto rest = static_cast<std::uint32_t>(first);
    for (; bytes > 0; ++from, --bytes) rest = _mm_crc32_u8(rest, *from);
    return ~rest;
}

#endif

}  // namespace

std::uint32_t crc32c_by_tables(const void* data, std::size_t bytes, std::uint32_t crc) {
    return ~crc_by_tables(tables, static_cast<const unsigned char*>(data), bytes, ~crc);
}

std::uint32_t crc32c(const void* data, std::size_t bytes, std::uint32_t crc) {
#if defined(__x86_64__)
    static const bool has_instruction = __builtin_cpu_supports("sse4.2");
    if (has_instruction) return by_instruction(static_cast<const unsigned char*>(data), bytes, crc);
#endif
    return crc32c_by_tables(data, bytes, crc);
}

}  // namespace camber
