#pragma once
#include <vector>

namespace camber {

/// Where tiles of `tile` pixels begin along `length`, which is not less: as few as cover it when each shares at least
/// `overlap`, in [0, 1), of itself with the next, evenly spread. All are multiples of `multiple`, as tile and length
/// have to be, so that what pools pixels pools the same ones in every tile.
std::vector<int> tile_starts(int length, int tile, double overlap, int multiple);

/// How much a tile's pixels count along a side where several lie over one another: a Gaussian about the middle whose
/// deviation is an eighth of the tile, as nnU-Net has it (inference/sliding_window_prediction.py).
std::vector<float> tile_weights(int tile);

}  // namespace camber
