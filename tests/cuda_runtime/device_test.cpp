// What is said of a machine and its GPU, by the run time on described machines.
#include <doctest/doctest.h>

#include "cuda/runtime/requirements.h"
#include "cuda_runtime/scenario.h"
#include "cuda_runtime/stand_in/cudart.h"

using namespace camber;
using stand_in::Machine;
using testing::run_scenario;

namespace {

std::string why_unavailable_on(const Machine& described, const std::map<std::string, std::string>& environment = {}) {
    return run_scenario(
        [&] {
            stand_in::machine() = described;
            return cuda::why_unavailable();
        },
        environment);
}

Machine gpu(const std::string& name, int major, int minor) {
    Machine described;
    described.name = name;
    described.compute_major = major;
    described.compute_minor = minor;
    return described;
}

cuda::DeviceProperties properties(const std::string& name, int major, int minor) {
    cuda::DeviceProperties device;
    device.name = name;
    device.compute_major = major;
    device.compute_minor = minor;
    return device;
}

}  // namespace

TEST_CASE("a machine whose GPU cannot be used is told why in one line") {
    Machine machine;
    CHECK(why_unavailable_on(machine).empty());
    machine.driver = 0;
    CHECK(why_unavailable_on(machine) == "no NVIDIA driver is installed");
    machine.driver = 11040;
    machine.device_count = cudaErrorInsufficientDriver;
    const std::string old = why_unavailable_on(machine);
    CHECK(old.find("the NVIDIA driver is for CUDA 11.4, older than the 1") == 0);
    CHECK(old.find(" Camber was built with") != std::string::npos);
    machine = {};
    machine.device_count = cudaErrorNoDevice;
    CHECK(why_unavailable_on(machine) == "there is no NVIDIA GPU");
    CHECK(why_unavailable_on(machine, {{"CUDA_VISIBLE_DEVICES", "7"}}) ==
          "there is no NVIDIA GPU (CUDA_VISIBLE_DEVICES is '7')");
    machine = {};
    machine.devices = 0;
    CHECK(why_unavailable_on(machine) == "there is no NVIDIA GPU");
    machine = {};
    machine.load_kernel = cudaErrorDevicesUnavailable;
    CHECK(why_unavailable_on(machine) ==
          "a described GPU cannot be used: what NVIDIA says (cudaErrorDevicesUnavailable)");
    machine.device_count = cudaErrorIllegalAddress;
    CHECK(why_unavailable_on(machine) == "cudaGetDeviceCount: what NVIDIA says (cudaErrorIllegalAddress)");
}

TEST_CASE("a GPU is refused for its age, or for want of code for it") {
    CHECK(why_unavailable_on(gpu("Tesla P100", 6, 0)) ==
          "Tesla P100 has compute capability 6.0; 7.0 (Volta) or newer is needed");
    CHECK(why_unavailable_on(gpu("Tesla V100", 7, 0)).empty());
    CHECK(why_unavailable_on(gpu("Tesla T4", 7, 5)).empty());
    Machine t4 = gpu("Tesla T4", 7, 5);
    for (const cudaError_t status : {cudaErrorNoKernelImageForDevice, cudaErrorInvalidDeviceFunction}) {
        t4.load_kernel = status;
        CHECK(why_unavailable_on(t4) ==
              "Tesla T4 has compute capability 7.5, and the kernels of this build are for 80-real, 90: build with "
              "-DCMAKE_CUDA_ARCHITECTURES=75");
    }
    CHECK(cuda::why_no_code(properties("NVIDIA H100", 9, 0), "80-real").find("=90") != std::string::npos);
}

TEST_CASE("bf16 is refused where the hardware has none") {
    CHECK(cuda::why_not_in(properties("Tesla T4", 7, 5), Dtype::bf16) ==
          "Tesla T4 has compute capability 7.5 and no bf16, which begins with 8.0: use f32 (--dtype f32)");
    CHECK(cuda::why_not_in(properties("Tesla T4", 7, 5), Dtype::f32).empty());
    CHECK(cuda::why_not_in(properties("NVIDIA A100", 8, 0), Dtype::bf16).empty());
    const auto description = [](const Machine& described) {
        return run_scenario([&] {
            stand_in::machine() = described;
            return cuda::describe_runtime();
        });
    };
    CHECK(
        description(gpu("Tesla T4", 7, 5)).find("Tesla T4, compute capability 7.5, 8 multiprocessors, 1 GiB; CUDA ") ==
        0);
    CHECK(description(gpu("Tesla T4", 7, 5)).find("; no bf16") != std::string::npos);
    CHECK(description(gpu("NVIDIA H100", 9, 0)).find("bf16") == std::string::npos);
}

TEST_CASE("shared memory is asked for where a kernel's own arrays and the launch's exceed what every block has") {
    const auto asked_for = [](std::size_t own, std::size_t dynamic) {
        return run_scenario([&] {
            stand_in::machine().kernel_shared_bytes = own;
            cuda::allow_shared_memory("a kernel", &stand_in::machine(), dynamic);
            return std::to_string(stand_in::counts().shared_bytes);
        });
    };
    CHECK(asked_for(0, 48 << 10) == "0");
    CHECK(asked_for(16, (48 << 10) - 16) == "0");
    CHECK(asked_for(16, 48 << 10) == "49152");
    CHECK(asked_for(0, 64 << 10) == "65536");
    CHECK(asked_for(50 << 10, 16) == "16");
}
