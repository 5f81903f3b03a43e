#include "cuda/kernels/compare.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/compare.h"
#include "support/random.h"

using namespace camber;
using namespace camber::emulated;

namespace {

Tensor on_device(const std::vector<float>& values, Dtype dtype) {
    const Tensor host = Tensor::from<float>(values, {static_cast<std::int64_t>(values.size())}, Device::cpu);
    return testing::converted(host, dtype, Device::emulated);
}

}  // namespace

TEST_CASE("compare: maxima and norms of any length, aligned or not") {
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
        for (const std::int64_t count : {1, 7, 8, 255, 3000, 70001}) {
            for (const std::int64_t offset : {0, 1}) {
                CAPTURE(name(dtype));
                CAPTURE(count);
                CAPTURE(offset);
                const auto random = [&](int seed) {
                    return testing::converted(testing::uniform({count + offset}, seed), dtype, Device::emulated)
                        .slice(offset, {count});
                };
                const Tensor a = random(1), b = random(2);
                const std::vector<double> wanted = testing::values_of(a), found = testing::values_of(b);
                double largest = 0, squares = 0, largest_apart = 0, squares_apart = 0;
                for (std::size_t i = 0; i < wanted.size(); ++i) {
                    const double apart = wanted[i] - found[i];
                    largest = std::max(largest, std::abs(wanted[i]));
                    largest_apart = std::max(largest_apart, std::abs(apart));
                    squares += wanted[i] * wanted[i];
                    squares_apart += apart * apart;
                }
                const Difference difference = compare(a, b);
                CHECK(difference.largest == doctest::Approx(largest));
                CHECK(difference.norm == doctest::Approx(std::sqrt(squares)));
                CHECK(difference.largest_apart == doctest::Approx(largest_apart).epsilon(1e-6));
                CHECK(difference.norm_apart == doctest::Approx(std::sqrt(squares_apart)).epsilon(1e-6));
                CHECK(compare(a, a).relative() == 0);
                CHECK(compare(a, b) == difference);
            }
        }
    }
}

TEST_CASE("compare: what is not finite, and what tells nothing") {
    constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
        const Tensor right = on_device({1, -2, 0, 0, 0, 0, 0, 0, 0}, dtype), zeros = on_device({0, 0}, dtype);
        CHECK(compare(right, right).telling());
        CHECK(compare(right, on_device({1, -2, 0, 0, 0, 0, 0, 0, 1}, dtype)).relative() == 0.5);
        for (const float wrong : {nan, infinity, -infinity}) {
            CHECK(compare(right, on_device({1, -2, 0, 0, 0, 0, 0, 0, wrong}, dtype)).relative() == infinity);
            CHECK(compare(right, on_device({wrong, -2, 0, 0, 0, 0, 0, 0, 0}, dtype)).relative() == infinity);
            CHECK(!compare(on_device({1, wrong}, dtype), zeros).telling());
        }
        CHECK(!compare(zeros, zeros).telling());
        CHECK(compare(zeros, zeros).relative() == 0);
        CHECK(!compare(on_device({0, 1e-35f}, dtype), zeros).telling());
        CHECK(compare(on_device({1e30f, -3e30f}, dtype), on_device({1e30f, 3e30f}, dtype)).relative() ==
              doctest::Approx(2));
    }
}
