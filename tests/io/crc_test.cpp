#include "io/crc.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace camber;

namespace {

/// By its definition.
std::uint32_t by_bits(std::uint32_t polynomial, const char* data, std::size_t bytes) {
    std::uint32_t crc = ~0u;
    for (std::size_t i = 0; i < bytes; ++i) {
        crc ^= static_cast<unsigned char>(data[i]);
        for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
    }
    return ~crc;
}

/// Those that this processor has.
std::vector<CrcMethod> methods() {
    std::vector<CrcMethod> list;
    for (const CrcMethod method : {CrcMethod::tables, CrcMethod::fold_128, CrcMethod::fold_512})
        if (method <= best_crc_method()) list.push_back(method);
    return list;
}

}  // namespace

TEST_CASE("CRC-32 and CRC-32C have their published values") {
    const std::string zeros(32, '\0'), ones(32, '\xff');
    CHECK(crc32("123456789", 9) == 0xCBF43926u);  // the check values of their parameters
    CHECK(crc32c("123456789", 9) == 0xE3069283u);
    CHECK(crc32c(zeros.data(), 32) == 0x8A9136AAu);  // RFC 3720, B.4
    CHECK(crc32c(ones.data(), 32) == 0x62A8AB43u);
    CHECK(crc32("", 0) == 0);
}

TEST_CASE("CRCs are those of their definition by every method, whole, in parts and joined") {
    std::string bytes;
    std::uint32_t state = 1;
    for (int i = 0; i < 5000; ++i) bytes += static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    for (const CrcMethod method : methods()) {
        for (const std::size_t begin : {0, 1, 7}) {
            for (const std::size_t size :
                 {0, 1, 15, 16, 63, 64, 65, 127, 128, 255, 256, 257, 319, 320, 336, 511, 512, 1000, 4096, 4993}) {
                CAPTURE(static_cast<int>(method));
                CAPTURE(begin);
                CAPTURE(size);
                const char* from = bytes.data() + begin;
                const std::uint32_t zip = by_bits(0xEDB88320u, from, size), other = by_bits(0x82F63B78u, from, size);
                CHECK(crc32(from, size, 0, method) == zip);
                CHECK(crc32c(from, size, 0, method) == other);
                const std::size_t part = size / 3;
                const std::uint32_t first = crc32(from, part, 0, method);
                CHECK(crc32(from + part, size - part, first, method) == zip);
                CHECK(crc32c(from + part, size - part, crc32c(from, part, 0, method), method) == other);
                CHECK(crc32_joined(first, crc32(from + part, size - part, 0, method), size - part) == zip);
            }
        }
    }
    CHECK(crc32_joined(crc32("a", 1), crc32("", 0), 0) == crc32("a", 1));
}
