#include <camber/error.h>
#include <camber/tensor.h>
#include <doctest/doctest.h>

#include "backend/backend.h"
#include "cuda/runtime/requirements.h"
#include "cuda/runtime/staging.h"
#include "support/errors.h"

using namespace camber;
using testing::error_of;

TEST_CASE("memory that the device does not have is one clear line") {
    const std::string message = error_of([] { Tensor::empty({1 << 20, 1 << 20}, Dtype::f32, Device::emulated); });
    CHECK(message.find("out of memory on device 'emulated': a tensor of 4398.05 GB does not fit") == 0);
    CHECK(message.find('\n') == std::string::npos);
    CHECK(Tensor::zeros({4}, Dtype::f32, Device::emulated).to_vector<float>() == std::vector<float>(4));
}

TEST_CASE("a machine with no usable GPU is told in one line") {
    if (has_backend(Device::cuda)) return;
    CHECK(why_no_backend(Device::cuda) != "");
    CHECK(why_no_backend(Device::cuda).find('\n') == std::string::npos);
    CHECK(error_of([] { backend(Device::cuda); }) == "device 'cuda' cannot be used: " + why_no_backend(Device::cuda));
    CHECK(error_of([] { Tensor::empty({1}, Dtype::f32, Device::cuda); }).find("there is no device 'cuda'") == 0);
}

TEST_CASE("a GPU that is too old is told in one line") {
    emulated::DeviceProperties device;
    device.name = "Tesla P100";
    device.compute_major = 6;
    CHECK(emulated::why_unsupported(device) == "Tesla P100 has compute capability 6.0; 7.0 (Volta) or newer is needed");
    device.compute_major = 7;
    CHECK(emulated::why_unsupported(device) == "");
    CHECK(emulated::why_not_in(device, Dtype::bf16) != "");
    device.compute_major = 8;
    CHECK(emulated::why_not_in(device, Dtype::bf16) == "");
}

TEST_CASE("device memory is reused, and counted") {
    DeviceMemory& memory = device_memory(Device::emulated);
    { const Tensor warm = Tensor::empty({1000}, Dtype::f32, Device::emulated); }
    const MemoryStats before = memory.stats();
    { const Tensor again = Tensor::empty({1000}, Dtype::f32, Device::emulated); }
    const MemoryStats after = memory.stats();
    CHECK(after.allocations == before.allocations);
    CHECK(after.requests == before.requests + 1);
    CHECK(after.current == before.current);
}

TEST_CASE("more bytes than the ring of staging buffers holds arrive whole") {
    emulated::Staging staging(1000, 3);
    std::vector<std::uint8_t> bytes(10007);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 % 251);
    const Tensor y = Tensor::zeros({10007}, Dtype::u8, Device::emulated);
    staging.upload(y.raw(), bytes.data(), bytes.size(), emulated::StreamKind::copy);
    CHECK(y.to_vector<std::uint8_t>() == bytes);
}
