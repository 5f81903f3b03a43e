#include "io/crc32.h"

#include <doctest/doctest.h>

#include <string>

using namespace camber;

TEST_CASE("CRC-32 is that of zip archives, by the instruction and by tables, whole, in parts and joined") {
    CHECK(crc32("123456789", 9) == 0xCBF43926u);
    CHECK(crc32_by_tables("123456789", 9) == 0xCBF43926u);
    CHECK(crc32("", 0) == 0);
    std::string bytes;
    std::uint32_t state = 1;
    for (int i = 0; i < 5000; ++i) bytes += static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    for (const std::size_t begin : {0, 1, 7}) {
        for (const std::size_t size : {0, 1, 15, 16, 63, 64, 65, 127, 128, 1000, 4096, 4993}) {
            CAPTURE(begin);
            CAPTURE(size);
            const char* from = bytes.data() + begin;
            const std::uint32_t whole = crc32_by_tables(from, size);
            CHECK(crc32(from, size) == whole);
            const std::size_t half = size / 3;
            const std::uint32_t first = crc32(from, half), second = crc32(from + half, size - half);
            CHECK(crc32(from + half, size - half, first) == whole);
            CHECK(crc32_joined(first, second, size - half) == whole);
        }
    }
    CHECK(crc32_joined(crc32("a", 1), crc32(bytes.data(), 0), 0) == crc32("a", 1));
}
