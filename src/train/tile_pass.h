#pragma once
#include <camber/prediction.h>

#include <memory>
#include <vector>

#include "train/row_reader.h"

namespace camber {

/// Tiles along one side of a picture, which is mirrored at its end to a multiple of the network's.
struct TiledSide {
    TiledSide(int picture, int asked, int multiple, double overlap);
    float weight(int i) const { return weights[static_cast<std::size_t>(i)]; }
    float sum(int i) const { return sums[static_cast<std::size_t>(i)]; }

    int length, padded, tile;
    std::vector<int> starts;
    std::vector<float> weights, sums;  ///< of a tile's pixels; of all tiles' at each pixel of the picture
};

/// Judges a picture in tiles, or whole as one, from the top: what is in memory is a row of tiles.
class TilePass {
  public:
    /// Tiles as model.inference says. The model, in evaluation, must outlive it.
    TilePass(Model& model, std::unique_ptr<RowReader> picture);

    int height() const { return picture_->height(); }
    int width() const { return picture_->width(); }
    /// Whether all rows were given.
    bool done() const { return given_ == height(); }
    /// The next rows, to which no more tiles add; valid until the following call.
    LogitRows next();

  private:
    Image tile(int top, int left) const;
    void add(const float* logits, std::int64_t classes, int left);
    void drop_given();

    Model& model_;
    std::unique_ptr<RowReader> picture_;
    TiledSide down_, across_;
    Tensor sums_;          ///< [1, tile, width, classes] f32 on the CPU: of the tiles' weighted logits
    int given_ = 0;        ///< rows
    int drop_ = 0;         ///< rows of sums_ that were given
    std::size_t row_ = 0;  ///< of tiles, the next
};

}  // namespace camber
