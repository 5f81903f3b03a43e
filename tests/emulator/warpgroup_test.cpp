#include "emulator/warpgroup.h"

#include <doctest/doctest.h>

namespace camber::testing {

TEST_CASE("tiles made by warpgroups are matrix products") {
    for (const TileKind& kind : tile_kinds()) {
        for (const int k : {64, 128, 320}) {
            CAPTURE(kind.rows);
            CAPTURE(kind.columns);
            CAPTURE(kind.a_transposed);
            CAPTURE(kind.b_transposed);
            CAPTURE(k);
            const auto rows = static_cast<std::size_t>(kind.rows), columns = static_cast<std::size_t>(kind.columns),
                       depth = static_cast<std::size_t>(k);
            std::vector<float> a(rows * depth), b(depth * columns);
            for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(static_cast<int>(i * 7 % 23) - 11);
            for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(static_cast<int>(i * 5 % 19) - 9) / 4;
            const std::vector<float> c = run_tile(kind, a, b, k);
            REQUIRE(c.size() == rows * columns);
            std::size_t wrong = 0;
            for (std::size_t row = 0; row < rows; ++row) {
                for (std::size_t column = 0; column < columns; ++column) {
                    float sum = 0;
                    for (std::size_t i = 0; i < depth; ++i) sum += a[row * depth + i] * b[i * columns + column];
                    wrong += c[row * columns + column] != sum;  // small integers and quarters: exact in any order
                }
            }
            CHECK(wrong == 0);
        }
    }
}

}  // namespace camber::testing
