#pragma once
#include <string>

#include "io/input_file.h"

namespace camber {

/// Whether the file begins with a safetensors header: its length in eight bytes, then an object.
bool looks_like_safetensors(const InputFile& file);

/// What a file that holds no weights is, by its first bytes, where people come by such, and what to do: a page or an
/// answer of a server in the place of a download, an archive that it came in, a pickle of something else. Empty where
/// nothing is known.
std::string mistaken_for_weights(const InputFile& file);

/// "a file of PyTorch's", "a model in ONNX" of weights that Camber imports; empty for others.
std::string other_library(const InputFile& file);

}  // namespace camber
