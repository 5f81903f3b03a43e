#include <doctest/doctest.h>

#include <camber/ops.h>

#include <cmath>

#include "support/autograd.h"
#include "support/compare.h"
#include "support/devices.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

namespace {

constexpr PhiloxKey key{.seed = 11, .stream = Stream::dropout, .sequence = 42};

Tensor ones(const Shape& shape, Device device) {
    return Tensor::from(std::vector<float>(static_cast<std::size_t>(shape.numel()), 1.0f), shape, device);
}

}  // namespace

TEST_CASE("dropout's mask is its stream compared with rate * 2^32, on every device") {
    for (const Device device : computing_devices()) {
        for (const double rate : {0.1, 0.5, 0.9}) {
            CAPTURE(run_name(Dtype::f32, device));
            CAPTURE(rate);
            const std::vector<float> y = ops::dropout(ones({2, 3, 5, 17}, device), rate, key).to_vector<float>();
            const auto threshold = static_cast<std::uint64_t>(std::llround(rate * 4294967296.0));
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < y.size(); ++i) {
                const bool kept = key.block(i / 4)[i % 4] >= threshold;
                wrong += !(std::abs(y[i] - (kept ? 1 / (1 - rate) : 0)) <= 1e-6 / (1 - rate));
            }
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("dropout keeps the mean, draws anew for another key and passes the gradient through its own mask") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Tensor x = leaf(ones({1, 100, 100, 3}, device));
        const Tensor y = ops::dropout(x, 0.25, key);
        // 30000 draws: the mean's standard deviation is sqrt(0.25 / 0.75 / 30000) = 0.0033.
        CHECK(std::abs(ops::mean(y.detach()).item() - 1) < 0.015);
        PhiloxKey other = key;
        ++other.sequence;
        CHECK(values_of(ops::dropout(x.detach(), 0.25, other)) != values_of(y));
        CHECK(values_of(ops::dropout(x.detach(), 0.25, key)) == values_of(y));
        backward_from(y, ones(x.shape(), device));
        CHECK(values_of(x.grad()) == values_of(y));
    }
}

TEST_CASE("dropout at rate 0 is the identity") {
    const Tensor x = ones({3}, Device::reference);
    CHECK(ops::dropout(x, 0, key).raw() == x.raw());
}
