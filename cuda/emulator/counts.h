#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "cuda/emulator/collectives.h"
#include "cuda/emulator/launch.h"

/// What kernels ask of a GPU's memory system, counted while they run here. docs/emulator.md says by what model.
namespace camber::emulator {

enum class AccessKind { load, store, atomic, copy_async, load_matrix };
const char* name_of(AccessKind kind);
const char* name_of(WarpOp op);

/// An instruction of a kernel that accesses memory, and all that its warps asked for by it.
struct SiteCounts {
    const void* site = nullptr;  ///< where in the code
    AccessKind kind = AccessKind::load;
    bool shared = false;            ///< else global memory
    std::size_t bytes = 0;          ///< of a lane
    std::string array;              ///< the shared array
    const void* address = nullptr;  ///< the lowest one
    std::int64_t requests = 0;      ///< times that a warp executed it
    std::int64_t lanes = 0;         ///< that took part, of 32 a request
    std::int64_t wanted_bytes = 0;  ///< distinct ones within a request
    // Global memory:
    std::int64_t sectors = 0;        ///< of 32 bytes that hold them
    std::int64_t least_sectors = 0;  ///< that could: were the same bytes side by side
    std::int64_t lines = 0;          ///< of 128 bytes
    // Shared memory:
    std::int64_t wavefronts = 0;        ///< turns that the banks take
    std::int64_t least_wavefronts = 0;  ///< without conflicts
};

struct LaunchCounts {
    std::string name;
    const void* code = nullptr;  ///< the kernel
    Shape shape;
    std::size_t static_shared_bytes = 0;
    std::vector<SiteCounts> sites;  ///< in the order of the code
    std::int64_t barriers = 0;      ///< a block's count once
    std::array<std::int64_t, static_cast<std::size_t>(WarpOp::mma) + 1> warp_operations{};  ///< a warp's count once
    std::int64_t tensor_operations = 0;  ///< additions and multiplications of mma.sync and wgmma
    /// Sectors of global memory that the launch touches, each once: what a cache that forgets nothing would move.
    std::int64_t sectors_read = 0, sectors_written = 0;
    /// Of global memory, the most that a thread asked for before it stored anything or waited for its copies: what it
    /// can have in flight.
    std::int64_t bytes_in_flight = 0;
};

/// Counts the launches of this OS thread as long as it lives. Those of a recording are counted when it is replayed.
class Counting {
  public:
    Counting();
    ~Counting();
    Counting(const Counting&) = delete;
    Counting& operator=(const Counting&) = delete;
    const std::vector<LaunchCounts>& launches() const { return launches_; }

  private:
    std::vector<LaunchCounts> launches_;
    std::vector<LaunchCounts>* outer_;
};

/// The kernel's name and template arguments as c++filt has them, without namespaces and parameters; empty where the
/// program was stripped of its symbols.
std::string kernel_name(const void* code);

}  // namespace camber::emulator
