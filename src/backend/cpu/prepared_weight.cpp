#include "backend/cpu/prepared_weight.h"

#include <map>
#include <mutex>
#include <tuple>

namespace camber::cpu {
namespace {

constexpr std::size_t budget = std::size_t{512} << 20;
constexpr std::size_t max_entries = 4096;

struct Entry {
    std::uint64_t version = 0;
    Tensor prepared;  ///< defined while kept
    Tensor source;    ///< keeps the storage alive, so that no other weight can take its address meanwhile
};

struct Cache {
    std::mutex mutex;
    /// By address, extents and layout.
    std::map<std::tuple<const void*, std::int64_t, std::int64_t, std::uintptr_t>, Entry> entries;
    std::size_t kept = 0;

    /// What was prepared of weights that have changed since: training goes on, and wants the memory.
    void drop_stale() {
        if (kept == 0) return;
        for (auto& [key, entry] : entries)
            if (entry.prepared && entry.source.storage().version() != entry.version) drop(entry);
    }

    void drop(Entry& entry) {
        if (entry.prepared) kept -= entry.prepared.bytes();
        entry.prepared = {};
        entry.source = {};
    }
};

Cache& cache() {
    static Cache& instance = *new Cache;  // never destroyed: it must not outlive the allocator
    return instance;
}

}  // namespace

Tensor prepared_weight(const Tensor& w, std::uintptr_t layout, std::size_t bytes,
                       const std::function<void(void*)>& fill) {
    const std::uint64_t version = w.storage().version();
    const auto make = [&] {
        Tensor memory = Tensor::empty({static_cast<std::int64_t>(bytes)}, Dtype::u8, Device::cpu);
        fill(memory.raw());
        return memory;
    };
    Cache& c = cache();
    std::unique_lock lock(c.mutex);
    if (c.entries.size() > max_entries) {
        c.entries.clear();
        c.kept = 0;
    }
    const auto [position, is_new] = c.entries.try_emplace({w.raw(), w.dim(0), w.numel(), layout});
    Entry& entry = position->second;
    const bool unchanged = !is_new && entry.version == version;
    if (unchanged && entry.prepared) return entry.prepared;
    c.drop(entry);
    c.drop_stale();
    entry.version = version;
    if (!unchanged || c.kept + bytes > budget || !has_spare(Device::cpu, static_cast<std::int64_t>(bytes))) {
        lock.unlock();
        return make();
    }
    entry.prepared = make();
    entry.source = w.detach();
    c.kept += bytes;
    return entry.prepared;
}

}  // namespace camber::cpu
