#pragma once
#include <optional>
#include <vector>

#include "cuda/emulator/counts.h"
#include "cuda/laboratory/experiment.h"
#include "cuda/laboratory/gpus.h"

/// How fast a kernel can be at most on a GPU, by what it was counted to ask for.
namespace camber::laboratory {

/// As ptxas reports them (tools/kernel_resources.py).
struct KernelResources {
    const char* kernel;  ///< its name, as emulator::kernel_name() has it
    int sm80, sm90a;     ///< registers a thread; 0: it has no such code
};
/// Registers of a kernel's thread on a GPU; nothing where they were not recorded.
std::optional<int> registers_of(const std::string& kernel, const Gpu& gpu);

/// How many warps a multiprocessor holds.
struct Occupancy {
    int blocks = 0, warps = 0;
    double share = 0;        ///< of the warps that it has room for
    const char* limit = "";  ///< by what
};
Occupancy occupancy(const emulator::LaunchCounts& launch, std::optional<int> registers, const Gpu& gpu);

/// The seconds that a part of the GPU needs at least; a lower bound of the kernel's time, by itself no estimate of it.
struct Needs {
    double memory = 0;      ///< every sector once, at the memory's rate
    double load_store = 0;  ///< a shared-memory wavefront or a 128-byte line a clock and multiprocessor
    double latency = 0;     ///< all bytes read, each once, by as many at a time as the resident threads have in flight
    double arithmetic = 0;  ///< at the rate of f32 units or tensor cores
    const char* largest() const;
    double seconds() const;
};

struct Bound {
    bool runs = true;                  ///< not where tensor cores for bf16 are missing or a block does not fit
    std::vector<Occupancy> occupancy;  ///< of each launch
    std::vector<std::optional<int>> registers;
    Needs needs;       ///< of all launches
    double share = 0;  ///< of the roof, at most: what the problem needs by what the kernel does
};
Bound bound(const std::vector<emulator::LaunchCounts>& launches, const Problem& problem, const Gpu& gpu);

/// Seconds that nothing can go below: the problem's bytes and operations at the GPU's rates.
double roof_seconds(const Problem& problem, const Gpu& gpu);

}  // namespace camber::laboratory
