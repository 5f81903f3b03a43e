#pragma once
#include <camber/weights.h>

#include "io/input_file.h"

/// The trained tensors of a model in ONNX (its initializers) and its metadata. Read off protobuf's wire format
/// (protobuf.dev/programming-guides/encoding) by the field numbers of onnx.proto; elements stay in the file until they
/// are asked for. Tensors in files of their own are listed as unreadable, those of whole numbers, which are shapes and
/// the like, not at all.
namespace camber {

/// Whether the file begins as a model of ONNX does: its IR version, and a field that comes next.
bool looks_like_onnx(const InputFile& file);

/// Throws Error, one line naming the file, where a field reaches beyond what it is in, and for a tensor that has other
/// bytes than its shape says.
std::unique_ptr<WeightFile> open_onnx(const std::filesystem::path& path, InputFile file);

}  // namespace camber
