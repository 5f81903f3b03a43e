#include "cuda/laboratory/bound.h"

#include <camber/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace camber::laboratory {
namespace {

constexpr KernelResources recorded[] = {
#include "cuda/laboratory/kernel_resources.inc"
};

/// Parts of a multiprocessor are handed out in pieces.
int rounded_up(int n, int piece) { return (n + piece - 1) / piece * piece; }

std::int64_t total(const emulator::LaunchCounts& launch, std::int64_t emulator::SiteCounts::*member, bool shared) {
    std::int64_t sum = 0;
    for (const emulator::SiteCounts& site : launch.sites)
        if (site.shared == shared) sum += site.*member;
    return sum;
}

int threads_of(const emulator::LaunchCounts& launch) {
    const dim3& block = launch.shape.block;
    return static_cast<int>(block.x * block.y * block.z);
}

}  // namespace

const Gpu& find_gpu(const std::string& name) {
    std::vector<std::string> names;
    for (const Gpu& gpu : gpus) {
        if (name == gpu.name) return gpu;
        names.emplace_back(gpu.name);
    }
    throw UsageError(
        fmt::format("no rates are recorded of the GPU '{}'; they are of {}", name, fmt::join(names, ", ")));
}

std::optional<int> registers_of(const std::string& kernel, const Gpu& gpu) {
    for (const KernelResources& resources : recorded) {
        const int registers = gpu.hopper ? resources.sm90a : resources.sm80;
        if (kernel == resources.kernel && registers > 0) return registers;
    }
    return {};
}

Occupancy occupancy(const emulator::LaunchCounts& launch, std::optional<int> registers, const Gpu& gpu) {
    constexpr int register_piece = 256, shared_piece = 128;  // of a warp, of a block
    const int warps = rounded_up(threads_of(launch), 32) / 32;
    Occupancy result = {gpu.blocks, 0, 0, "blocks"};
    const auto limit = [&](int blocks, const char* by) {
        if (blocks < result.blocks) result.blocks = blocks, result.limit = by;
    };
    limit(gpu.warps / warps, "threads");
    if (registers) {
        const int of_a_warp = rounded_up(*registers * 32, register_piece);
        limit(gpu.registers / of_a_warp / 4 * 4 / warps, "registers");  // a quarter of them to each scheduler
    }
    const auto bytes = static_cast<int>(launch.static_shared_bytes + launch.shape.shared_bytes);
    if (bytes > 0) limit(gpu.shared_bytes / rounded_up(bytes + gpu.reserved_a_block, shared_piece), "shared memory");
    if (bytes > gpu.shared_a_block) limit(0, "shared memory");
    result.warps = result.blocks * warps;
    result.share = static_cast<double>(result.warps) / gpu.warps;
    return result;
}

double Needs::seconds() const { return std::max({memory, load_store, latency, arithmetic}); }

const char* Needs::largest() const {
    const double most = seconds();
    return most == memory       ? "memory"
           : most == arithmetic ? "arithmetic"
           : most == load_store ? "load/store"
                                : "latency";
}

Bound bound(const std::vector<emulator::LaunchCounts>& launches, const Problem& problem, const Gpu& gpu) {
    using emulator::SiteCounts;
    Bound result;
    std::int64_t tensor_operations = 0;
    for (const emulator::LaunchCounts& launch : launches) {
        const std::optional<int> registers = registers_of(emulator::kernel_name(launch.code), gpu);
        const Occupancy resident = occupancy(launch, registers, gpu);
        const auto touched = static_cast<double>(32 * (launch.sectors_read + launch.sectors_written));
        const auto turns = static_cast<double>(total(launch, &SiteCounts::wavefronts, true) +
                                               total(launch, &SiteCounts::lines, false));
        result.needs.memory += touched / gpu.memory;
        result.needs.load_store += turns / gpu.multiprocessors / gpu.clock();
        // What is in flight to registers is at most as much as there are.
        auto in_flight = static_cast<double>(launch.bytes_in_flight);
        const bool to_registers = std::none_of(launch.sites.begin(), launch.sites.end(), [](const SiteCounts& site) {
            return site.kind == emulator::AccessKind::copy_async;
        });
        if (registers && to_registers) in_flight = std::min(in_flight, 4.0 * *registers);
        const double at_a_time = in_flight * 32 * resident.warps * gpu.multiprocessors;
        std::int64_t asked = 0;
        for (const SiteCounts& site : launch.sites)
            if (!site.shared && site.kind != emulator::AccessKind::store)
                asked += site.lanes * static_cast<std::int64_t>(site.bytes);
        asked = std::min(asked, 32 * launch.sectors_read);  // what is asked for again may be in a cache
        if (at_a_time > 0) result.needs.latency += static_cast<double>(asked) / at_a_time * least_latency / gpu.clock();
        tensor_operations += launch.tensor_operations;
        if (resident.blocks == 0 || (launch.tensor_operations > 0 && gpu.tensor_bf16 == 0)) result.runs = false;
        result.occupancy.push_back(resident);
        result.registers.push_back(registers);
    }
    if (tensor_operations > 0 && gpu.tensor_bf16 > 0) {
        result.needs.arithmetic = static_cast<double>(tensor_operations) / gpu.tensor_bf16;
    } else {
        result.needs.arithmetic = problem.operations / gpu.fp32;
    }
    result.share = result.runs ? roof_seconds(problem, gpu) / result.needs.seconds() : 0;
    return result;
}

double roof_seconds(const Problem& problem, const Gpu& gpu) {
    const double rate = problem.tensor_cores && gpu.tensor_bf16 > 0 ? gpu.tensor_bf16 : gpu.fp32;
    return std::max(static_cast<double>(problem.bytes) / gpu.memory, problem.operations / rate);
}

}  // namespace camber::laboratory
