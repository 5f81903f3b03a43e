#pragma once
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace camber::cpu {

/// What was made for the keys that were asked for last, as many as a training step of the largest network has times
/// several: pictures of ever other sizes, each with its own, do not fill the memory.
template <class Key, class Value>
class RecentlyUsed {
  public:
    /// The value for `key`, by `make()`, a std::unique_ptr<Value>, where it is not kept. Who holds it keeps it alive.
    template <class Make>
    std::shared_ptr<const Value> get(const Key& key, const Make& make) {
        const std::lock_guard lock(mutex_);
        const auto found = places_.find(key);
        if (found != places_.end()) {
            entries_.splice(entries_.begin(), entries_, found->second);
            return entries_.front().second;
        }
        entries_.emplace_front(key, make());
        places_.emplace(key, entries_.begin());
        if (entries_.size() > most) {
            places_.erase(entries_.back().first);
            entries_.pop_back();
        }
        return entries_.front().second;
    }

  private:
    static constexpr std::size_t most = 1024;
    using Entries = std::list<std::pair<Key, std::shared_ptr<const Value>>>;  ///< the last one used first

    std::mutex mutex_;
    Entries entries_;
    std::map<Key, typename Entries::iterator> places_;
};

}  // namespace camber::cpu
