#pragma once
#include <vector>

#include "backend/augment_pixel.h"

namespace camber {

/// pixel::augment_pixel() for whole rows on the host: what depends on the column alone is worked out once a picture.
/// The same numbers, sooner.
class AugmentRows {
  public:
    explicit AugmentRows(const pixel::Sampling& sampling);
    /// Row `row` of the output: 3 * out_width floats, and out_width labels unless out_ids is null.
    void make(const std::uint8_t* rgb, const std::uint8_t* ids, int void_id, int row, float* out,
              std::uint8_t* out_ids);

  private:
    void sample_row(const std::uint8_t* rgb, int row, float* v) const;
    void filtered_row(const std::uint8_t* rgb, int row);

    pixel::Sampling sampling_;
    std::vector<float> row_, neighbour_;          // of samples
    std::vector<int> columns_;                    // pixel::nearest of every output column
    std::vector<pixel::Neighbours> column_taps_;  // and its pixel::neighbours
};

}  // namespace camber
