#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace camber {

/// Extents of a contiguous tensor in memory order, outermost first; at most 4 dimensions. Rank 0 is a scalar.
class Shape {
  public:
    static constexpr int max_rank = 4;

    Shape() = default;
    /// Throws Error when an extent is negative, the rank is over 4, or the element count overflows 63 bits.
    Shape(std::initializer_list<std::int64_t> extents);

    int rank() const { return rank_; }
    std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
    /// The last extent: channels of an image or activation.
    std::int64_t back() const { return extents_[static_cast<std::size_t>(rank_ - 1)]; }
    /// Product of the extents; 1 for a scalar.
    std::int64_t numel() const { return numel_; }
    bool operator==(const Shape& other) const = default;
    /// For example "[4, 256, 256, 64]".
    std::string str() const;

  private:
    std::array<std::int64_t, max_rank> extents_{};
    int rank_ = 0;
    std::int64_t numel_ = 1;
};

}  // namespace camber
