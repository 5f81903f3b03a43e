#pragma once
#include <camber/weights.h>

#include <map>
#include <string>

#include "io/hdf5_file.h"
#include "io/zip.h"

/// Keras's files of weights, in HDF5: the layout of Keras 1 and 2 (`layer_names` and each layer's `weight_names`, at
/// the root or, in a whole model's file, under model_weights) and Keras 3's `.weights.h5` (`layers/.../vars/0`, the
/// layer's own name beside them), also as a member of a `.keras` archive. Throws Error for what HDF5 cannot open, for
/// neither layout, and for datasets that Hdf5File refuses.
namespace camber {

std::unique_ptr<WeightFile> open_keras(const std::filesystem::path& path, InputFile file);

/// Whether a zip archive's members are those of a model that Keras saved: config.json, metadata.json, model.weights.h5.
bool is_keras_archive(const std::map<std::string, ZipMember>& members);
/// Throws Error, besides, for an archive without weights, or with compressed ones.
std::unique_ptr<WeightFile> open_keras_archive(const std::filesystem::path& path, const InputFile& file,
                                               const std::map<std::string, ZipMember>& members);

}  // namespace camber
