#pragma once
#include <camber/image.h>

#include <cstdint>
#include <vector>

namespace camber {

/// A label map as runs of equal ids: one or two hundredths of its frame's bytes.
class LabelRuns {
  public:
    explicit LabelRuns(const Image& label);
    Image image() const;
    std::int64_t bytes() const { return static_cast<std::int64_t>(runs_.size()); }

  private:
    int height_, width_;
    std::vector<std::uint8_t> runs_;  ///< row after row: an id, and how many pixels of it follow the first
};

}  // namespace camber
