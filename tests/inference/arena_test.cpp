#include "inference/arena.h"

#include <doctest/doctest.h>

#include <numeric>

#include "networks.h"

using namespace camber;
using inference::ArenaPlan;
using inference::Lifetime;

namespace {

/// Whether two buffers that are needed at the same time share an element, or one is outside.
bool is_sound(const std::vector<Lifetime>& buffers, const ArenaPlan& plan) {
    for (std::size_t i = 0; i < buffers.size(); ++i) {
        if (plan.offsets[i] < 0 || plan.offsets[i] + buffers[i].size > plan.size) return false;
        for (std::size_t j = 0; j < i; ++j) {
            const bool apart = plan.offsets[i] + buffers[i].size <= plan.offsets[j] ||
                               plan.offsets[j] + buffers[j].size <= plan.offsets[i];
            if (buffers[i].meets(buffers[j]) && !apart) return false;
        }
    }
    return true;
}

std::int64_t sum(const std::vector<Lifetime>& buffers) {
    return std::accumulate(buffers.begin(), buffers.end(), std::int64_t{0},
                           [](std::int64_t all, const Lifetime& buffer) { return all + buffer.size; });
}

}  // namespace

TEST_CASE("buffers one after the other share a place") {
    const std::vector<Lifetime> chain = {{100, 0, 1}, {100, 1, 2}, {100, 2, 3}, {100, 3, 4}};
    const ArenaPlan plan = inference::place(chain, 1);
    CHECK(is_sound(chain, plan));
    CHECK(plan.size == 200);
    CHECK(inference::largest_sum(chain) == 200);
}

TEST_CASE("random lifetimes: no overlap, and no more than the sum") {
    Philox random({5, Stream::init, 0});
    for (int round = 0; round < 200; ++round) {
        std::vector<Lifetime> buffers(1 + random.below(30));
        for (Lifetime& buffer : buffers) {
            buffer.size = 1 + random.below(1000);
            buffer.first = random.below(20);
            buffer.last = buffer.first + random.below(6);
        }
        const ArenaPlan plan = inference::place(buffers, 64);
        CHECK(is_sound(buffers, plan));
        for (const std::int64_t offset : plan.offsets) CHECK(offset % 64 == 0);
        CHECK(plan.size >= inference::largest_sum(buffers));
        CHECK(plan.size <= sum(buffers) + 64 * static_cast<std::int64_t>(buffers.size()));
    }
}

TEST_CASE("every network: activations take little more than what is needed at a time") {
    for (const nets::NetInfo& info : nets::net_list()) {
        CAPTURE(info.name);
        const testing::Evaluated network(info.name);
        KeptWeights kept;
        const std::int64_t side = std::max(96, network.net->size_multiple());
        const inference::Program program(*network.net, {1, side, side, 3}, Dtype::f32, Device::cpu, kept);
        const std::vector<Lifetime>& buffers = program.lifetimes();
        CHECK(is_sound(buffers, program.arena()));
        CHECK(program.arena().size <= inference::largest_sum(buffers) * 11 / 10 + 1024);
        CHECK(program.arena().size < sum(buffers) / 2);
    }
}
