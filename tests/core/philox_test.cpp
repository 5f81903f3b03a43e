#include <camber/philox.h>
#include <doctest/doctest.h>

#include <cmath>

using namespace camber;

// The vectors of philox4x32 with 10 rounds in tests/kat_vectors of Random123 1.09 (Salmon, Moraes, Dror and Shaw 2011):
// zeros, ones, and the digits of pi.
TEST_CASE("philox4x32-10 gives Random123's known answers") {
    using Block = std::array<std::uint32_t, 4>;
    CHECK(philox4x32({0, 0, 0, 0}, 0) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffffffffffff) ==
          Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822) ==
          Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a draw is where its key says") {
    const PhiloxKey key{.seed = 7, .stream = Stream::dropout, .sequence = (std::uint64_t{3} << 32) + 5};
    CHECK(key.block((std::uint64_t{9} << 32) + 2) == philox4x32({2, 9 ^ 2 << 16, 5, 3}, 7));
    CHECK(key.at_step(4).block(0) == PhiloxKey{7, Stream::dropout, key.sequence + (4 << 20)}.block(0));
    Philox draws(key);
    for (std::uint64_t i = 0; i < 10; ++i) CHECK(draws.next() == key.block(i / 4)[i % 4]);
}

TEST_CASE("numbers are in their ranges and spread over them") {
    Philox draws({.seed = 1});
    constexpr int count = 40000;
    double sum = 0, squares = 0, uniform = 0;
    std::array<int, 5> hits{};
    for (int i = 0; i < count; ++i) {
        const double z = static_cast<double>(draws.normal());
        sum += z;
        squares += z * z;
        const float u = draws.uniform(-2, 3);
        CHECK((u >= -2 && u < 3));
        uniform += static_cast<double>(u);
        ++hits[draws.below(5)];  // out of bounds were it 5
    }
    // Five standard deviations of the means.
    CHECK(sum / count == doctest::Approx(0).epsilon(5 / std::sqrt(count)).scale(1));
    CHECK(squares / count == doctest::Approx(1).epsilon(5 * std::sqrt(2.0 / count)));
    CHECK(uniform / count == doctest::Approx(0.5).epsilon(5 * 5 / std::sqrt(12.0 * count)).scale(1));
    for (const int n : hits) CHECK(n == doctest::Approx(count / 5.0).epsilon(5 * std::sqrt(4.0 / count)));
}
