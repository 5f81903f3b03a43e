#include "distributed/communicator.h"

#include <doctest/doctest.h>

#include "backend/backend.h"

#include "distributed/support.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("what ranks do together") {
    const int rank = world().rank(), size = world().size();
    std::vector<double> values = {1.0 + rank, 0.5};
    world().sum(values);
    CHECK(values[0] == size * (size + 1) / 2.0);
    CHECK(values[1] == 0.5 * size);

    CHECK(world().any(rank == size - 1));
    CHECK_FALSE(world().any(false));

    std::vector<std::byte> bytes(100'000, static_cast<std::byte>(rank + 1));
    world().broadcast(bytes);
    CHECK(bytes == std::vector<std::byte>(100'000, std::byte{1}));

    const std::vector<std::string> texts = world().gather(std::string(static_cast<std::size_t>(rank), 'x'));
    REQUIRE(texts.size() == static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < texts.size(); ++i) CHECK(texts[i] == std::string(i, 'x'));
}

TEST_CASE("a sum goes on beside others") {
    for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
        const Tensor large = Tensor::empty({1 << 20}, dtype, Device::cpu);
        backend(large).fill(large, 1);
        const auto pending = world().start_sum(large);
        double one = 1;
        for (int i = 0; i < 3; ++i) {
            world().sum({&one, 1});
            one = 1;
        }
        CHECK((pending != nullptr) == !world().alone());
        if (pending) pending->wait();
        CHECK(large.slice(12345, {1}).item() == world().size());
    }
}
