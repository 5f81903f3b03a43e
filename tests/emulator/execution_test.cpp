#include "emulator/execution.h"

#include <doctest/doctest.h>

#include <cstddef>

namespace camber::testing {

TEST_CASE("every thread of a grid runs once, with its own indices") {
    const auto y = run_indices();
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == static_cast<int>(i));
}

TEST_CASE("warp operations exchange what CUDA's do") {
    const WarpResults r = run_warp_operations();
    for (int lane = 0; lane < 32; ++lane) {
        const auto i = static_cast<std::size_t>(lane);
        CAPTURE(lane);
        CHECK(r.shuffle[i] == 100 + 31 - lane);
        CHECK(r.up[i] == (lane < 3 ? lane : lane - 3));
        CHECK(r.down[i] == (lane > 28 ? lane : lane + 3));
        CHECK(r.exclusive_or[i] == (lane ^ 5));
        CHECK(r.segmented[i] == lane / 8 * 8 + 1);
        CHECK(static_cast<unsigned>(r.ballot[i]) == 0x49249249u);
        CHECK(static_cast<unsigned>(r.match[i]) == 0xffu << (lane / 8 * 8));
        CHECK(r.odd_lanes[i] == (lane % 2 == 1 ? lane ^ 2 : -1));
    }
}

TEST_CASE("atomics of many blocks lose nothing") {
    constexpr int blocks = 50, count = blocks * 64;
    CHECK(run_atomics(blocks) == std::vector<int>{count / 2 * (count - 1), count - 1, 0, count});
}

TEST_CASE("ldmatrix and mma.sync multiply matrices") {
    std::vector<float> a(16 * 16), b(16 * 8);
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(static_cast<int>(i * 7 % 23) - 11);
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(static_cast<int>(i * 5 % 19) - 9) / 4;
    const auto c = run_matrix_product(a, b);
    for (std::size_t row = 0; row < 16; ++row) {
        for (std::size_t column = 0; column < 8; ++column) {
            float sum = 0;
            for (std::size_t k = 0; k < 16; ++k) sum += a[row * 16 + k] * b[k * 8 + column];
            CHECK(c[row * 8 + column] == sum);  // small integers and quarters: exact in any order
        }
    }
}

TEST_CASE("a block's sum reaches every thread") {
    for (const float sum : run_block_sum()) CHECK(sum == 96 * 97 / 2);
}

TEST_CASE("asynchronous copies arrive by groups and fill up with zeros") {
    std::vector<float> x(64);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) + 1;
    CHECK(run_copies(x, 16) == x);
    CHECK(run_copies(x, 0) == std::vector<float>(64, 0.0f));
}

}  // namespace camber::testing
