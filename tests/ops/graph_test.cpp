#include <doctest/doctest.h>

#include <camber/autograd.h>
#include <camber/ops.h>

#include "support/compare.h"
#include "support/devices.h"
#include "support/random.h"

/// Gradients through several operations, where backward steps share, add and overwrite buffers.
using namespace camber;
using namespace camber::testing;

namespace {

constexpr double tolerance = 1e-7;
using Inputs = std::vector<Tensor>;

Tensor drop(const Tensor& x, std::uint64_t sequence) {
    return ops::dropout(x, 0.3, {.seed = 1, .stream = Stream::dropout, .sequence = sequence});
}

}  // namespace

TEST_CASE("an input used twice gets both gradients") {
    const auto twice = [](const Inputs& in) { return ops::add(in[0], in[0]); };
    CHECK(gradcheck(twice, {uniform_leaf({2, 3}, 1)}) <= tolerance);
    const auto three_ways = [](const Inputs& in) {
        return ops::add(ops::add(ops::scale(in[0], 3), in[0]), ops::softmax(in[0]));
    };
    CHECK(gradcheck(three_ways, {uniform_leaf({2, 3}, 1)}) <= tolerance);
}

TEST_CASE("branches that pass one gradient along do not overwrite each other's") {
    // add() and reshape() hand their own gradient on; relu, scale and dropout write theirs over it where they may.
    const auto residual = [](const Inputs& in) {
        const Tensor stem = ops::scale(in[0], 2);
        const Tensor branch = drop(ops::relu(ops::scale(stem, -1.5)), 1);
        return ops::scale(ops::add(ops::relu(ops::add(stem, branch)), ops::scale(stem, 0.1)), 3);
    };
    CHECK(gradcheck(residual, {leaf(away_from_zero({2, 3, 4, 3}, 1))}) <= tolerance);
    const auto reshaped = [](const Inputs& in) {
        const Tensor flat = ops::reshape(in[0], {12});
        return ops::add(ops::relu(flat), ops::reshape(ops::scale(ops::reshape(flat, {3, 4}), 5), {12}));
    };
    CHECK(gradcheck(reshaped, {leaf(away_from_zero({2, 6}, 2))}) <= tolerance);
    const auto both_sides = [](const Inputs& in) {
        const Tensor sum = ops::add(in[0], in[1]);
        return ops::add(drop(sum, 2), ops::add(ops::scale(sum, 2), drop(in[0], 3)));
    };
    CHECK(gradcheck(both_sides, {uniform_leaf({3, 5}, 1), uniform_leaf({3, 5}, 2)}) <= tolerance);
}

TEST_CASE("gradients of the two sides of a skip are added by the pooling, wherever it stands") {
    const auto skip = [](const Inputs& in) {
        const Tensor features = ops::scale(in[0], 2);
        const Tensor below = ops::resize(ops::max_pool2d(features), 4, 6, ResizeMode::nearest);
        return ops::concat({below, features});  // its gradient is there first, as channels
    };
    CHECK(gradcheck(skip, {leaf(distinct({2, 4, 6, 3}, 1))}) <= tolerance);
    const auto three_uses = [](const Inputs& in) {
        const Tensor features = ops::scale(in[0], 2), pooled = ops::max_pool2d(features);
        const Tensor wide = ops::concat({features, ops::resize(pooled, 4, 6, ResizeMode::nearest), features});
        return ops::concat({wide, ops::scale(features, 3)});
    };
    CHECK(gradcheck(three_uses, {leaf(distinct({1, 4, 6, 3}, 1))}) <= tolerance);
    const auto pooled_last = [](const Inputs& in) {  // pooling's gradient is there first
        const Tensor features = ops::scale(in[0], 2), wide = ops::concat({features, features});
        return ops::concat({ops::max_pool2d(features), ops::avg_pool2d(wide)});
    };
    CHECK(gradcheck(pooled_last, {leaf(distinct({1, 4, 6, 2}, 1))}) <= tolerance);
    const auto passed_along = [](const Inputs& in) {  // what is there is somebody else's buffer as well
        const Tensor features = ops::scale(in[0], 2), pooled = ops::max_pool2d(features);
        const Tensor sum = ops::add(features, ops::scale(in[0], -1.5));
        return ops::add(sum, ops::resize(pooled, 4, 6, ResizeMode::nearest));
    };
    CHECK(gradcheck(passed_along, {leaf(distinct({1, 4, 6, 3}, 1))}) <= tolerance);
    const auto leaves = [](const Inputs& in) {
        return ops::concat({in[0], ops::resize(ops::max_pool2d(in[0]), 4, 6, ResizeMode::nearest), in[1]});
    };
    CHECK(gradcheck(leaves, {leaf(distinct({1, 4, 6, 3}, 1)), uniform_leaf({1, 4, 6, 2}, 2)}) <= tolerance);
}

TEST_CASE("a bias before a batch normalisation has no gradient, unless its sum goes elsewhere too") {
    const auto block = [](const Inputs& in, bool elsewhere) {
        const Tensor y = ops::conv2d(in[0], in[1], in[2]);
        const Tensor zeros = Tensor::zeros({3}, Dtype::f64, Device::reference);
        const Tensor norm = ops::batch_norm(y, {in[3], in[4], zeros, zeros}, true, {.relu = true});
        return elsewhere ? ops::add(norm, ops::scale(y, 0.5)) : norm;
    };
    const auto inputs = [] {
        return Inputs{uniform_leaf({2, 3, 5, 2}, 1), uniform_leaf({3, 1, 1, 2}, 2), uniform_leaf({3}, 3),
                      uniform_leaf({3}, 4), uniform_leaf({3}, 5)};
    };
    for (const bool elsewhere : {false, true}) {
        CHECK(gradcheck([&](const Inputs& in) { return block(in, elsewhere); }, inputs()) <= tolerance);
        const Inputs in = inputs();
        backward(ops::sum(ops::relu(block(in, elsewhere))));
        for (const double value : in[2].grad().to_vector<double>()) CHECK((value != 0) == elsewhere);
    }
}

TEST_CASE("a two-level U-Net, all operations together") {
    // Enough of a network to hold a skip connection, every kind of block and the loss.
    const Shape channels{3};
    const Tensor labels = random_labels({1, 6, 6}, 2, 9, 255);
    const auto network = [&](const Inputs& in) {
        const auto block = [&](const Tensor& x, std::size_t first) {
            const Tensor y = ops::conv2d(x, in[first], {}, {.padding = ops::symmetric_padding(1)});
            const auto zeros = [&] { return Tensor::zeros(channels, Dtype::f64, Device::reference); };
            return ops::batch_norm(y, {in[first + 1], in[first + 2], zeros(), zeros()}, true, {.relu = true});
        };
        const Tensor skip = block(in[0], 1);
        const Tensor bottom = drop(block(ops::max_pool2d(skip), 4), 5);
        const Tensor up = ops::conv_transpose2d(bottom, in[7], in[8]);
        const Tensor logits = ops::conv2d(ops::concat({skip, up}), in[9], in[10]);
        return ops::segmentation_loss(logits, labels, {.cross_entropy = 1, .dice = 1, .ignore_index = 255}).loss;
    };
    const Inputs inputs = {
        uniform_leaf({1, 6, 6, 2}, 1),  uniform_leaf({3, 3, 3, 2}, 2), uniform_leaf({3}, 3, 0.5f, 1.5f),
        uniform_leaf({3}, 4),           uniform_leaf({3, 3, 3, 3}, 5), uniform_leaf({3}, 6, 0.5f, 1.5f),
        uniform_leaf({3}, 7),           uniform_leaf({3, 2, 2, 3}, 8), uniform_leaf({3}, 9),
        uniform_leaf({2, 1, 1, 6}, 10), uniform_leaf({2}, 11)};
    CHECK(gradcheck(network, inputs) <= tolerance);
}

TEST_CASE("gradients add up over backward passes until zero_grad, also in a preallocated buffer") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Tensor x = leaf(Tensor::from(std::vector<float>{1, -2, 3}, {3}, device));
        const auto pass = [&](double scale) { backward(ops::sum(ops::scale(ops::relu(x), 2)), scale); };
        pass(1);
        pass(0.5);
        CHECK(values_of(x.grad()) == std::vector<double>{3, 0, 3});
        const void* buffer = x.grad().raw();
        zero_grad(x);
        CHECK_FALSE(x.grad().defined());
        pass(1);
        CHECK(values_of(x.grad()) == std::vector<double>{2, 0, 2});
        CHECK(x.grad().raw() == buffer);
    }
}

TEST_CASE("a gradient that was passed along is neither added to nor overwritten in place") {
    for (const Device device : computing_devices()) {
        for (const bool zeroed : {false, true}) {
            CAPTURE(run_name(Dtype::f32, device));
            CAPTURE(zeroed);
            const Tensor a = leaf(Tensor::from(std::vector<float>{1, 2}, {2}, device));
            const Tensor b = leaf(Tensor::from(std::vector<float>{3, 4}, {2}, device));
            backward(ops::sum(ops::add(a, b)));  // both may hold the same buffer now
            if (zeroed) zero_grad(a);
            backward(ops::sum(ops::scale(a, 7)));
            CHECK(values_of(a.grad()) == std::vector<double>(2, zeroed ? 7 : 8));
            CHECK(values_of(b.grad()) == std::vector<double>{1, 1});
        }
    }
}

TEST_CASE("nothing is recorded without a taker or under NoGrad") {
    const Tensor plain = uniform({2, 3}, 1), wanted = uniform_leaf({2, 3}, 2);
    CHECK_FALSE(ops::relu(plain).requires_grad());
    CHECK(ops::relu(wanted).requires_grad());
    clear_tape();
    {
        const NoGrad no_grad;
        const Tensor y = ops::sum(ops::relu(wanted));
        CHECK_FALSE(y.requires_grad());
        CHECK_THROWS_AS(backward(y), Error);
    }
    CHECK(ops::relu(wanted).requires_grad());
    clear_tape();
}
