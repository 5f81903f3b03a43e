#pragma once
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "cuda/emulator/counts.h"
#include "cuda/emulator/request.h"

namespace camber::emulator {

/// Puts the accesses of a block's threads, which run one after another, together to what a GPU's warps would have
/// executed since they last met: the k-th execution of an instruction by each lane; or, as lanes that skip it in a turn
/// of a loop wait for the others there, what lanes execute in the same turn, a turn being a step back in the code. Of
/// the two, for each instruction, whichever asks for less.
class AccessCounter {
  public:
    struct Access {
        const void* site;
        AccessKind kind;
        const void* address;
        std::uintptr_t offset;  ///< in shared memory; else the address
        std::size_t bytes;
        const char* array;  ///< the shared array; null: global memory
    };

    void start_block(std::size_t threads);
    void access(unsigned thread, const Access& access);
    /// All lanes of the warp that still run have come to one place.
    void meet(std::size_t warp);
    void barrier();
    void warp_operation(WarpOp op);
    void tensor_operations(std::int64_t operations) { block_.tensor_operations += operations; }
    void wait_for_copies(unsigned thread) { in_flight_[thread] = 0; }
    /// Adds the block to `total`.
    void finish_block(LaunchCounts& total, std::vector<std::uintptr_t>& read, std::vector<std::uintptr_t>& written);

  private:
    /// A site's requests that lanes may still join.
    struct Open {
        std::map<std::uint32_t, Request> by_execution, by_turn;
        std::array<std::uint32_t, 32> executions{};
    };
    struct Place {
        const void* site = nullptr;  ///< the last one
        std::uint32_t turn = 0;
        bool copying = false;  ///< has read, and not yet written
    };
    void close(SiteCounts& site, const Request& request);

    LaunchCounts block_;
    std::map<std::pair<const void*, bool>, std::size_t> index_;  ///< of a site, by code and whether shared
    std::vector<std::vector<Open>> warps_;                       ///< then by site
    std::vector<Place> places_;                                  ///< of threads
    std::vector<std::int64_t> in_flight_;                        ///< a thread's bytes
    std::vector<std::uintptr_t> read_, written_;                 ///< sectors
};

/// A launch's total over the blocks that the cores bring.
class LaunchCounter {
  public:
    explicit LaunchCounter(const BoundKernel& kernel);
    void add(AccessCounter& block, std::size_t static_shared_bytes);
    LaunchCounts finish();

  private:
    std::mutex mutex_;
    LaunchCounts total_;
    std::vector<std::uintptr_t> read_, written_;
};

}  // namespace camber::emulator
