#include "train/tiles.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace camber {

std::vector<int> tile_starts(int length, int tile, double overlap, int multiple) {
    // In units of `multiple`: tiles go on by `step` at most.
    const int room = (length - tile) / multiple;
    const int step = std::max(1, static_cast<int>(tile * (1 - overlap) / multiple));
    const int steps = (room + step - 1) / step;
    std::vector<int> starts = {0};
    for (int i = 1; i <= steps; ++i) starts.push_back(static_cast<int>(std::int64_t{room} * i / steps) * multiple);
    return starts;
}

std::vector<float> tile_weights(int tile) {
    std::vector<float> weights;
    for (int i = 0; i < tile; ++i) {
        const double deviations = (i + 0.5 - tile / 2.0) / (tile / 8.0);
        weights.push_back(static_cast<float>(std::exp(-deviations * deviations / 2)));
    }
    return weights;
}

}  // namespace camber
