#pragma once
#include <cstddef>
#include <cstdint>

namespace camber {

/// The hash FNV-1a of 64 bits (Fowler, Noll, Vo).
class Fnv1a {
  public:
    void add(const void* data, std::size_t size) {
        const auto* bytes = static_cast<const unsigned char*>(data);
        for (std::size_t i = 0; i < size; ++i) hash_ = (hash_ ^ bytes[i]) * 0x100000001B3ull;
    }
    std::uint64_t value() const { return hash_; }

  private:
    std::uint64_t hash_ = 0xCBF29CE484222325ull;
};

}  // namespace camber
