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
};

/// Of the weights of one storage, a network's as a rule.
struct Prepared {
    std::mutex mutex;
    /// By address, extents and layout.
    std::map<std::tuple<const void*, std::int64_t, std::int64_t, std::uintptr_t>, Entry> entries;
    std::size_t kept = 0;

    /// What was prepared of weights that have changed since: training goes on, and wants the memory.
    void drop_stale(std::uint64_t version) {
        if (kept == 0) return;
        for (auto& [key, entry] : entries)
            if (entry.version != version) drop(entry);
    }

    void drop(Entry& entry) {
        if (entry.prepared) kept -= entry.prepared.bytes();
        entry.prepared = {};
    }
};

std::shared_ptr<Prepared> prepared_of(Storage& storage) {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    if (!storage.derived()) storage.derived() = std::make_shared<Prepared>();
    return std::static_pointer_cast<Prepared>(storage.derived());
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
    const std::shared_ptr<Prepared> prepared = prepared_of(w.storage());
    Prepared& p = *prepared;
    std::unique_lock lock(p.mutex);
    if (p.entries.size() > max_entries) {
        p.entries.clear();
        p.kept = 0;
    }
    const auto [position, is_new] = p.entries.try_emplace({w.raw(), w.dim(0), w.numel(), layout});
    Entry& entry = position->second;
    const bool unchanged = !is_new && entry.version == version;
    if (unchanged && entry.prepared) return entry.prepared;
    p.drop(entry);
    p.drop_stale(version);
    entry.version = version;
    if (!unchanged || p.kept + bytes > budget || !has_spare(Device::cpu, static_cast<std::int64_t>(bytes))) {
        lock.unlock();
        return make();
    }
    entry.prepared = make();
    p.kept += bytes;
    return entry.prepared;
}

}  // namespace camber::cpu
