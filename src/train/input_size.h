#pragma once
#include <camber/train.h>

namespace camber {

struct InputSize {
    int height, width;
};

/// Of what a network is given in validation and prediction.
inline InputSize input_size(const TrainConfig& config) {
    return {config.val_height > 0 ? config.val_height : config.height,
            config.val_width > 0 ? config.val_width : config.width};
}

}  // namespace camber
