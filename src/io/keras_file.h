#pragma once
#include <camber/weights.h>

#include "io/hdf5_file.h"

/// Keras's files of weights, in HDF5: the layout of Keras 1 and 2 (`layer_names` and each layer's `weight_names`, at
/// the root or, in a whole model's file, under model_weights) and Keras 3's `.weights.h5` (`layers/.../vars/0`, the
/// layer's own name beside them). Throws Error for what HDF5 cannot open, for neither layout, and for datasets that
/// Hdf5File refuses.
namespace camber {

std::unique_ptr<WeightFile> open_keras(const std::filesystem::path& path, InputFile file);

}  // namespace camber
