#pragma once
#include <array>
#include <vector>

#include "backend/augment_pixel.h"

namespace camber {

/// pixel::augment_picture() row by row on the host: what depends on the column alone is worked out once a picture, what
/// depends on the source row once for the output rows that follow one another. The same numbers, sooner.
class AugmentRows {
  public:
    /// Of one picture of 1, 3 or 4 channels: make() is given the same `source` and `ids` each time.
    AugmentRows(const pixel::Sampling& sampling, int channels);
    /// Row `row` of the output: channels * out_width floats, and out_width labels unless out_ids is null.
    void make(const pixel::Source& source, const std::uint8_t* ids, int void_id, int row, float* out,
              std::uint8_t* out_ids);

  private:
    /// A source row between its pixels, at every tap of every output column.
    struct Stretched {
        int row = -1;
        std::vector<float> values;
    };

    const float* stretched(const std::uint8_t* picture, int row);
    void sample_row(const std::uint8_t* picture, int row, float* v);
    void warped_row(const pixel::Source& source, int row, float* v);
    /// Samples of an output row, before any filter.
    void samples(const pixel::Source& source, int row, float* v);
    /// Fills filtered_ with the whole picture, sampled and filtered.
    void filter(const pixel::Source& source);
    /// Finds what of output row `row` shows the frame. False: nothing does.
    bool find_labels(int row);

    pixel::Sampling sampling_;
    std::size_t channels_;
    std::size_t begin_ = 0, end_ = 0;             // the columns that are sampled; those inside the frame where known
    std::vector<float> row_;                      // of samples
    std::vector<float> filtered_;                 // rows of them
    std::vector<int> columns_;                    // pixel::nearest of every output column
    std::vector<std::int64_t> labels_;            // pixel::label_at of a row
    std::vector<pixel::Neighbours> column_taps_;  // and its pixel::neighbours, tap by tap
    std::array<Stretched, 4> stretched_;          // row r in r % 4: neighbours never share one
    std::vector<std::uint8_t> last_row_;          // of the source, with bytes behind it that may be read
};

}  // namespace camber
