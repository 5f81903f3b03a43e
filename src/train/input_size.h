#pragma once
#include <camber/train.h>

#include "core/number_range.h"

namespace camber {

/// Of each of InferenceOptions::scales.
inline constexpr NumberRange scale_range = from_to(0.1, 10);

struct InputSize {
    int height, width;
};

/// Of what a network is given in validation and prediction.
inline InputSize input_size(const TrainConfig& config) {
    return {config.val_height > 0 ? config.val_height : config.height,
            config.val_width > 0 ? config.val_width : config.width};
}

}  // namespace camber
