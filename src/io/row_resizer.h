#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

namespace camber {

/// resize_area() a row after the other, from the top, so that no more of a picture is in memory than a row is made of.
class RowResizer {
  public:
    RowResizer(int height, int width, int channels, int out_height, int out_width);

    /// Writes the next row, u8 [out_width, channels]. `row` gives a picture's row by number, each once and in order.
    void next(const std::function<const std::uint8_t*(int)>& row, std::uint8_t* to);

  private:
    /// The source pixels one output pixel takes along an axis: `count` from `first` on, weights summing to 1.
    struct Taps {
        int first = 0;
        std::vector<float> weights;
    };
    static Taps taps_of(int i, int in, int out);
    std::vector<float> narrowed(const std::uint8_t* row) const;

    int in_height_, out_height_;
    std::size_t channels_;
    std::vector<Taps> columns_;
    std::deque<std::vector<float>> rows_;  ///< narrowed, from first_ on
    int first_ = 0, next_ = 0;
    std::vector<float> sums_;
};

}  // namespace camber
