#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

/// What the hardware makes of an access that the lanes of a warp execute together.
namespace camber::emulator {

struct Request {
    unsigned mask = 0;                            ///< lanes that take part
    std::size_t bytes = 0;                        ///< of each
    std::array<std::uintptr_t, 32> address = {};  ///< of each; in shared memory, from its beginning
};

/// Pieces of `size` bytes (a power of two), aligned to it, that hold what the lanes access: 32 for sectors, 128 for
/// cache lines, 1 for the bytes themselves.
int distinct_pieces(const Request& request, std::size_t size);

/// Turns that the 32 banks of 4 bytes take: as many as the bank with most different words has to give. Lanes of 8 bytes
/// go by half warps, of 16 by quarter warps; `least` is what they would take without conflicts.
struct Wavefronts {
    int taken = 0, least = 0;
};
Wavefronts wavefronts(const Request& request);

}  // namespace camber::emulator
