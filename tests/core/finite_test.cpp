#include "core/finite.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using namespace camber;

TEST_CASE("the first value that is not finite is found wherever it stands") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (const std::size_t count : {0, 1, 7, 1023, 1024, 1025, 3000}) {
        CAPTURE(count);
        std::vector<float> values(count, std::numeric_limits<float>::max());
        CHECK(first_non_finite(values.data(), count) == count);
        for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
            for (std::size_t i = 0; i < count; i += i == 1020 ? 1 : 5) {
                values[i] = bad;
                REQUIRE(first_non_finite(values.data(), count) == i);
                values[i] = -std::numeric_limits<float>::denorm_min();
            }
        }
    }
}
