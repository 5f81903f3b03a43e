#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/block_allocator.h"
#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// For memory checkers: every block is an allocation of the device's own, which ends where the block ends. With
/// `guarded`, bytes of a pattern lie on both sides of it, and what wrote to them is found out.
class SeparateAllocator final : public BlockAllocator {
  public:
    /// `of_recording`: for tensors of a recorded step. Released blocks are kept for requests of the same size, since
    /// replays use them, and guards are compared by check() alone.
    SeparateAllocator(bool guarded, bool of_recording);
    ~SeparateAllocator() override;

    void* allocate(std::size_t bytes) override;
    /// Compares the guards; the next call that may throw tells.
    void release(void* block) noexcept override;
    MemoryStats stats() const override;
    void reset_peak() override;
    void trim() override {}

    /// Compares every block's guards, waiting for the device. Throws Error naming the tensor's size and the first byte
    /// beyond it that was written to. Of a recording's blocks, only after a replay.
    void check() override;

  private:
    static constexpr std::size_t guard_bytes = 256;  ///< keeps the alignment that cudaMalloc gives

    std::size_t total(std::size_t bytes) const { return bytes + 2 * guard_; }
    /// Empty while the block's guards are whole.
    std::string fault_of(const char* block, std::size_t bytes) const;
    /// Throws what release() found.
    void throw_fault();

    const std::size_t guard_;
    const bool of_recording_;
    mutable std::mutex mutex_;
    std::map<char*, std::size_t> used_;               ///< bytes of every block
    std::map<std::size_t, std::vector<char*>> kept_;  ///< released blocks, by their bytes
    std::string fault_;                               ///< found by release(), not told yet
    MemoryStats stats_;
};

}  // namespace camber::CAMBER_GPU
