#include <camber/autograd.h>
#include <camber/error.h>
#include <camber/ops.h>
#include <camber/tensor.h>
#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>

#include "backend/backend.h"
#include "support/errors.h"

using namespace camber;

namespace {
Tensor values(float v) { return Tensor::from(std::vector<float>(5, v), {5}, Device::emulated); }
}  // namespace

TEST_CASE("a recording runs when it is replayed, on what its tensors then hold") {
    Backend& device = backend(Device::emulated);
    const Tensor x = values(1), y = values(0);
    const auto recording = device.record([&] {
        const Tensor twice = Tensor::empty({5}, Dtype::f32, Device::emulated);
        device.add(x, x, twice);
        device.add(y, twice, y);
    });
    CHECK(y.to_vector<float>() == std::vector<float>(5, 0.0f));
    recording->replay();
    CHECK(y.to_vector<float>() == std::vector<float>(5, 2.0f));
    x.copy_from(values(10));
    recording->replay();
    CHECK(y.to_vector<float>() == std::vector<float>(5, 22.0f));
}

TEST_CASE("a replay writes to no tensor made since") {
    Backend& device = backend(Device::emulated);
    const Tensor x = values(3), y = values(0);
    const auto recording = device.record([&] {
        const Tensor scratch = Tensor::empty({5}, Dtype::f32, Device::emulated);
        device.add(x, x, scratch);
        device.relu(scratch, y);
    });
    std::vector<Tensor> since;
    for (int i = 0; i < 20; ++i) since.push_back(values(7));
    recording->replay();
    for (const Tensor& tensor : since) CHECK(tensor.to_vector<float>() == std::vector<float>(5, 7.0f));
    CHECK(y.to_vector<float>() == std::vector<float>(5, 6.0f));
}

TEST_CASE("what cannot be recorded is named, and the device goes on") {
    Backend& device = backend(Device::emulated);
    const Tensor x = values(3);
    CHECK(testing::error_of([&] { device.record([&] { x.to_vector<float>(); }); }).find("copy_to_host: not possible") ==
          0);
    CHECK(testing::error_of([&] { device.record([&] { values(1); }); }).find("copy_to_device: not possible") == 0);
    CHECK(testing::error_of([&] { device.record([&] { device.synchronize(); }); }).find("synchronize") == 0);
    CHECK(x.to_vector<float>() == std::vector<float>(5, 3.0f));
}

TEST_CASE("a recording's memory goes back with it") {
    DeviceMemory& memory = device_memory(Device::emulated);
    Backend& device = backend(Device::emulated);
    const Tensor x = values(1), y = values(0);
    memory.trim();
    const std::size_t before = memory.stats().reserved;
    {
        const auto recording = device.record([&] {
            const Tensor large = Tensor::zeros({1 << 20}, Dtype::f32, Device::emulated);
            device.relu(x, y);
        });
        CHECK(memory.stats().reserved >= before + (std::size_t{4} << 20));
    }
    CHECK(memory.stats().reserved == before);
}

TEST_CASE("a second recording and a trim leave the first one's memory alone") {
    DeviceMemory& memory = device_memory(Device::emulated);
    Backend& device = backend(Device::emulated);
    constexpr std::int64_t n = 1 << 20;
    const Tensor x = Tensor::from(std::vector<float>(n, 1.0f), {n}, Device::emulated);
    const Tensor y = Tensor::zeros({n}, Dtype::f32, Device::emulated);
    const auto record_sum = [&] {
        return device.record([&] {
            const Tensor scratch = Tensor::empty({n}, Dtype::f32, Device::emulated);
            device.add(x, x, scratch);
            device.add(y, scratch, y);
        });
    };
    const auto first = record_sum(), second = record_sum();
    memory.trim();
    for (int i = 0; i < 2; ++i) {
        first->replay();
        second->replay();
    }
    CHECK(y.to_vector<float>() == std::vector<float>(n, 8.0f));
}

TEST_CASE("a tensor let go of while recording is gone once: replays neither end nor see the next one there") {
    Backend& device = backend(Device::emulated);
    const Tensor x = values(1);
    Tensor held = values(2);
    const void* const address = held.raw();
    const auto recording = device.record([&] {
        const Tensor sum = Tensor::empty({5}, Dtype::f32, Device::emulated);
        device.add(x, x, sum);
        held = sum;
    });
    const Tensor since = values(7);
    if (!std::getenv("CAMBER_MEMORY")) CHECK(since.raw() == address);  // else addresses are new ones
    for (int i = 0; i < 2; ++i) {
        recording->replay();
        CHECK(since.to_vector<float>() == std::vector<float>(5, 7.0f));
        CHECK(held.to_vector<float>() == std::vector<float>(5, 2.0f));
    }
}

#if !defined(__SANITIZE_ADDRESS__)  // which ends the program
TEST_CASE("a replay that reads a tensor let go of while recording says so") {
    Backend& device = backend(Device::emulated);
    const Tensor y = values(0);
    std::optional<Tensor> gone = values(2);
    const auto recording = device.record([&] {
        device.relu(*gone, y);
        gone.reset();
    });
    CHECK(testing::error_of([&] { recording->replay(); }).find("relu") != std::string::npos);
}
#endif

TEST_CASE("memory that went back to the system is told from memory that never was") {
    DeviceMemory& memory = device_memory(Device::emulated);
    constexpr std::int64_t n = 1 << 20;
    std::optional<Tensor> gone = Tensor::zeros({n}, Dtype::f32, Device::emulated);
    void* const address = gone->raw();
    gone.reset();
    memory.trim();
    // Not handed out again soon.
    const Tensor since = Tensor::zeros({n}, Dtype::f32, Device::emulated);
    CHECK(since.raw() != address);
    float value = 0;
    const auto check = [](const std::string& error, const char* call) {
        CAPTURE(error);
        CHECK(error.find(std::string(call) + ": ") == 0);
        CHECK(error.find("which was given back to the system") != std::string::npos);
    };
    check(testing::error_of([&] { memory.copy_to_host(&value, address, sizeof value); }), "copy_to_host");
    check(testing::error_of([&] { memory.copy_from_host(address, &value, sizeof value); }), "copy_to_device");
    check(testing::error_of([&] { memory.copy_within(address, since.raw(), 64); }), "copy_on_device");
    check(testing::error_of([&] { memory.copy_within(since.raw(), address, 64); }), "copy_on_device");
    check(testing::error_of([&] { memory.zero(address, 64); }), "set_bytes");
}

TEST_CASE("a step whose loss is a sum is recorded, its backward pass too") {
    const Tensor x = Tensor::from(std::vector<float>{-1, 2, 3}, {3}, Device::emulated);
    Tensor w = Tensor::from(std::vector<float>{1, 1, 1}, {3}, Device::emulated);
    w.set_requires_grad(true);
    Tensor gradient;
    const auto recording = backend(Device::emulated).record([&] {
        backward(ops::mean(ops::relu(ops::add(x, w))), 6);
        gradient = w.grad();
    });
    x.copy_from(Tensor::from(std::vector<float>{-2, 2, 3}, {3}, Device::emulated));
    recording->replay();
    CHECK(gradient.to_vector<float>() == std::vector<float>{0, 2, 2});
    x.copy_from(Tensor::from(std::vector<float>{4, -2, 3}, {3}, Device::emulated));
    recording->replay();
    CHECK(gradient.to_vector<float>() == std::vector<float>{2, 0, 2});
}

TEST_CASE("replayed dropout draws new masks as the step in device memory goes on") {
    Backend& device = backend(Device::emulated);
    const PhiloxKey key{5, Stream::dropout, 3};
    const Tensor x = Tensor::from(std::vector<float>(64, 1.0f), {64}, Device::emulated);
    const Tensor y = Tensor::empty({64}, Dtype::f32, Device::emulated);
    const Tensor step = Tensor::from(std::vector<std::int32_t>{0}, {1}, Device::emulated);
    const auto recording = device.record([&] { device.dropout(x, y, 0.5, key, step); });
    for (const std::int32_t t : {0, 1, 77}) {
        step.copy_from(Tensor::from(std::vector<std::int32_t>{t}, {1}, Device::emulated));
        recording->replay();
        const auto replayed = y.to_vector<float>();
        device.dropout(x, y, 0.5, key.at_step(static_cast<std::uint64_t>(t)), {});
        CHECK(replayed == y.to_vector<float>());
    }
}
