// What the stand-in for NCCL refuses. Between processes it is tested in tests/distributed.
#include <camber/tensor.h>
#include <doctest/doctest.h>

#include "backend/backend.h"
#include "cuda/emulator/nccl.h"
#include "cuda/runtime/process_sums.h"
#include "cuda/runtime/runtime.h"
#include "support/errors.h"

using namespace camber;
using emulated::StreamKind;

TEST_CASE("the stand-in for NCCL checks what it is given") {
    const nccl::Api& api = emulator::nccl_api();
    nccl::UniqueId id{};
    REQUIRE(api.GetUniqueId(&id) == nccl::success);
    nccl::Comm comm = nullptr;
    REQUIRE(api.CommInitRank(&comm, 1, id, 0) == nccl::success);
    const Tensor values = Tensor::empty({4}, Dtype::f32, Device::emulated);
    backend(Device::emulated).fill(values, 3);
    void* const sums = emulated::stream_handle(StreamKind::sums);
    const auto call = [&](const void* from, std::size_t count, nccl::DataType type, void* stream) {
        return api.AllReduce(from, values.raw(), count, type, nccl::sum, comm, stream);
    };
    const auto refused = [&](nccl::Result result, nccl::Result expected, const char* why) {
        CHECK(result == expected);
        CHECK(api.GetLastError(comm) == std::string(why));
    };
    emulated::order(StreamKind::compute, StreamKind::sums);
    float host[4] = {};
    refused(call(host, 4, nccl::float32, sums), nccl::invalid_argument, "16 bytes that are not the device's");
    refused(call(values.raw(), 4, static_cast<nccl::DataType>(5), sums), nccl::invalid_argument,
            "no communicator, or a type or operation that is not known");
    refused(call(values.raw(), 4, nccl::float32, emulated::stream_handle(StreamKind::compute)), nccl::invalid_usage,
            "another stream than that of sums");
    backend(Device::emulated).fill(values, 2);
    refused(call(values.raw(), 4, nccl::float32, sums), nccl::invalid_usage,
            "the stream of sums does not wait for what the compute stream was given");
    emulated::order(StreamKind::compute, StreamKind::sums);
    CHECK(call(values.raw(), 4, nccl::float32, sums) == nccl::success);
    emulated::order(StreamKind::sums, StreamKind::compute);
    CHECK(values.slice(3, {1}).item() == 2);
    emulated::order(StreamKind::compute, StreamKind::sums);
    CHECK(call(values.raw(), 40'000, nccl::float64, sums) == nccl::success);
    CHECK(testing::error_of([] {
              emulated::order(StreamKind::sums, StreamKind::compute);
          }).find("a sum over processes of 320000 bytes, ") == 0);
    CHECK(api.CommDestroy(comm) == nccl::success);
}

TEST_CASE("processes with the same GPU are named") {
    CHECK(emulated::shared_device({"a", "b", "c"}).empty());
    CHECK(emulated::shared_device({"a", "b", "a"}) ==
          "ranks 0 and 2 have the same GPU: start one process a GPU, or --device cpu");
}
