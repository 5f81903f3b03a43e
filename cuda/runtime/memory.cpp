#include "cuda/runtime/memory.h"

#include <camber/error.h>

#include <atomic>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/caching_allocator.h"
#include "core/memory_limit.h"
#include "cuda/runtime/checking.h"
#include "cuda/runtime/runtime.h"
#include "cuda/runtime/separate_allocator.h"
#include "cuda/runtime/staging.h"
#if defined(CAMBER_EMULATED)
#include "cuda/emulator/arena.h"
#endif

namespace camber::CAMBER_GPU {
namespace {

#if defined(CAMBER_EMULATED)
/// Tells the emulator where every tensor begins and ends, to the byte, with room between them for overruns to show. In
/// a recording this is part of what is replayed: a tensor then lives from its making to its end within each replay.
class BlockWatch {
  public:
    static constexpr std::size_t padding = 64;
    void open(void* block, std::size_t bytes) {
        {
            const std::lock_guard lock(mutex_);
            bytes_[block] = bytes;
        }
        emulator::submit([=] { emulator::Arena::get().open(block, bytes); });
    }
    /// `replayed`: the block is of the recording that is being made. Any other ends now, once and for all.
    void close(void* block, bool replayed) {
        std::size_t bytes = 0;
        {
            const std::lock_guard lock(mutex_);
            const auto found = bytes_.find(block);
            bytes = found->second;
            bytes_.erase(found);
        }
        const auto close = [=] { emulator::Arena::get().close(block, bytes); };
        if (replayed)
            emulator::submit(close);
        else
            close();
    }

  private:
    std::mutex mutex_;
    std::unordered_map<void*, std::size_t> bytes_;
};
#else
class BlockWatch {
  public:
    static constexpr std::size_t padding = 0;
    void open(void*, std::size_t) {}
    void close(void*, bool) {}
};
#endif

/// Never destroyed, as what counts by it.
MemoryLimit& the_limit() {
    static auto* limit = new MemoryLimit;
    return *limit;
}

void* take(std::size_t bytes) {
    if (!the_limit().take(bytes)) return nullptr;
    void* const segment = take_device_memory(bytes);
    if (!segment) the_limit().give(bytes);
    return segment;
}

void give(void* segment, std::size_t bytes) {
    give_device_memory(segment, bytes);
    the_limit().give(bytes);
}

using Allocator = std::shared_ptr<BlockAllocator>;

Allocator make_allocator(bool of_recording) {
    if (memory_mode() == MemoryMode::cached) return std::make_shared<CachingAllocator>(take, give);
    const bool watched = BlockWatch::padding > 0;  // already
    return std::make_shared<SeparateAllocator>(memory_mode() == MemoryMode::guarded && !watched, of_recording);
}

/// The pool that this OS thread's tensors come from, when it is not the common one.
thread_local Allocator current_pool;
/// current_pool's, for tensors that are released when this thread's objects are already gone.
thread_local const BlockAllocator* current_pool_address = nullptr;

class GpuMemory : public DeviceMemory {
  public:
    void* allocate(std::size_t bytes) override {
        const Allocator allocator = current_pool ? current_pool : common_;
        void* block = allocator->allocate(bytes + BlockWatch::padding);
        if (!block) {
            trim();
            block = allocator->allocate(bytes + BlockWatch::padding);
        }
        if (!block) {
            const auto text = [](std::size_t size) { return bytes_text(static_cast<std::int64_t>(size)); };
            const MemoryInfo info = device_memory_info();
            throw OutOfMemory(
                fmt::format("out of memory on device '{}': a tensor of {} does not fit beside {} in use ({} of {} "
                            "free{}); use a smaller batch, image size or width",
                            name(this_device), text(bytes), text(stats().current), text(info.free), text(info.total),
                            limit_text(limit())));
        }
        watch_.open(block, bytes);
        if (allocator != common_) {
            const std::lock_guard lock(mutex_);
            pooled_[block] = allocator;
        }
        return block;
    }
    void release(void* block) noexcept override {
        const Allocator allocator = owner(block);
        watch_.close(block, allocator.get() == current_pool_address);
        allocator->release(block);
    }
    void copy_from_host(void* dst, const void* src, std::size_t bytes) override {
        ++copies_from_host_;
        if (bytes > 0) staging().upload(dst, src, bytes);
    }
    void copy_to_host(void* dst, const void* src, std::size_t bytes) override {
        if (bytes == 0) return;
        ++copies_to_host_;
        CAMBER_GPU::copy_to_host(dst, src, bytes);
        check();
    }
    void copy_within(void* dst, const void* src, std::size_t bytes) override {
        if (bytes > 0) copy_on_device(dst, src, bytes);
    }
    void zero(void* dst, std::size_t bytes) override {
        if (bytes > 0) set_bytes(dst, 0, bytes);
    }
    std::int64_t available() const override { return static_cast<std::int64_t>(device_memory_info().free); }
    void set_limit(std::int64_t bytes) override { the_limit().set(bytes); }
    std::int64_t limit() const override { return the_limit().most(); }
    MemoryStats stats() const override {
        MemoryStats total;
        for_each_allocator([&](BlockAllocator& allocator) {
            const MemoryStats part = allocator.stats();
            total.current += part.current;
            total.peak += part.peak;  // of each in its own time: an upper bound of the sum's
            total.reserved += part.reserved;
            total.requests += part.requests;
            total.allocations += part.allocations;
        });
        total.copies_from_host = copies_from_host_;
        total.copies_to_host = copies_to_host_;
        return total;
    }
    void reset_peak() override {
        for_each_allocator([](BlockAllocator& allocator) { allocator.reset_peak(); });
    }
    /// The common memory alone: a pool's is used by replays that the allocator knows nothing of.
    void trim() override { common_->trim(); }
    void check() { common_->check(); }
    void add_pool(const Allocator& pool) {
        const std::lock_guard lock(mutex_);
        std::erase_if(pools_, [](const std::weak_ptr<BlockAllocator>& other) { return other.expired(); });
        pools_.push_back(pool);
    }

  private:
    /// Where a block came from; forgets it.
    Allocator owner(void* block) noexcept {
        const std::lock_guard lock(mutex_);
        const auto found = pooled_.find(block);
        if (found == pooled_.end()) return common_;
        const Allocator allocator = found->second;
        pooled_.erase(found);
        return allocator;
    }
    template <class F>
    void for_each_allocator(F f) const {
        f(*common_);
        const std::lock_guard lock(mutex_);
        for (const std::weak_ptr<BlockAllocator>& pool : pools_)
            if (const Allocator allocator = pool.lock()) f(*allocator);
    }

    const Allocator common_ = make_allocator(false);
    mutable std::mutex mutex_;
    std::unordered_map<void*, Allocator> pooled_;  ///< blocks in use that are not of the common allocator
    std::vector<std::weak_ptr<BlockAllocator>> pools_;
    std::atomic<std::uint64_t> copies_from_host_ = 0, copies_to_host_ = 0;
    BlockWatch watch_;
};

GpuMemory& memory() {
    // Never destroyed: tensors in static objects may outlive any order of destruction.
    static auto* memory = new GpuMemory;
    return *memory;
}

}  // namespace

DeviceMemory& gpu_memory() { return memory(); }
void check_memory() { memory().check(); }

MemoryPool::MemoryPool() : allocator_(make_allocator(true)) { memory().add_pool(allocator_); }
MemoryPool::~MemoryPool() = default;
void MemoryPool::check() { allocator_->check(); }
MemoryPool::Scope::Scope(MemoryPool& pool) {
    current_pool = pool.allocator_;
    current_pool_address = current_pool.get();
}
MemoryPool::Scope::~Scope() {
    current_pool = nullptr;
    current_pool_address = nullptr;
}

}  // namespace camber::CAMBER_GPU
