#pragma once
#include <array>
#include <cstdint>
#include <string>

/// GPUs by what their makers publish of them: what bounds are taken from where there is none to measure.
namespace camber::laboratory {

struct Gpu {
    const char* name;
    const char* source;
    double memory;                     ///< bytes a second
    double fp32;                       ///< operations a second, a fused multiply-add being two
    double tensor_bf16;                ///< the same of tensor cores, dense, summed in f32; 0: it has none for bf16
    int multiprocessors, lanes;        ///< lanes: f32 units of a multiprocessor
    int warps, blocks;                 ///< that a multiprocessor holds
    int registers;                     ///< of 32 bits, of a multiprocessor
    int shared_bytes, shared_a_block;  ///< of a multiprocessor; of them at most
    int reserved_a_block;              ///< of shared memory, taken by the system
    bool hopper;                       ///< runs sm_90a code, else that of sm_80

    /// Clocks a second at which `fp32` is reached.
    double clock() const { return fp32 / (2.0 * lanes * multiprocessors); }
    /// Bytes a second of shared memory: 32 banks of 4 bytes a clock (CUDA C++ Programming Guide, "Shared Memory").
    double shared() const { return 128.0 * multiprocessors * clock(); }
};

/// What a trip to global memory takes at least, in clocks: doi 10.1016/j.ultsonch.2023.106546, table 3, has it of V100,
/// A100 and H100; other GPUs are taken to be no faster.
inline constexpr double least_latency = 400;

inline constexpr std::array gpus = {
    Gpu{"H100", "NVIDIA H100 Tensor Core GPU Architecture, SXM5 80 GB", 3.35e12, 66.9e12, 989.4e12, 132, 128, 64, 32,
        65536, 228 * 1024, 227 * 1024, 1024, true},
    Gpu{"A100", "NVIDIA A100 Tensor Core GPU Architecture; datasheet, SXM 80 GB", 2.039e12, 19.5e12, 312e12, 108, 64,
        64, 32, 65536, 164 * 1024, 163 * 1024, 1024, false},
    Gpu{"RTX4090", "NVIDIA Ada GPU Architecture", 1.008e12, 82.6e12, 165.2e12, 128, 128, 48, 24, 65536, 100 * 1024,
        99 * 1024, 1024, false},
    Gpu{"T4", "NVIDIA Turing GPU Architecture; T4 datasheet", 0.32e12, 8.1e12, 0, 40, 64, 32, 16, 65536, 64 * 1024,
        64 * 1024, 0, false},
};

/// Throws UsageError, naming those that there are.
const Gpu& find_gpu(const std::string& name);

}  // namespace camber::laboratory
