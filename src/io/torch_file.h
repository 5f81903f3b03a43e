#pragma once
#include <camber/weights.h>

#include <map>
#include <string>

#include "io/input_file.h"
#include "io/zip.h"

/// PyTorch's files of tensors, as torch.save writes them: a zip archive (`NAME/data.pkl` and `NAME/data/KEY`; PyTorch
/// 1.6 on), or the stream of pickles and storages that came before it.
///
/// Read are dictionaries of tensors, those in others and in lists under dotted names ("state_dict.conv1.weight"), of
/// the dtypes of ElementType, sharing storages and with any offsets and strides. Elements stay in the file until they
/// are asked for.
///
/// Refused, each in one line: a pickle that names anything but tensors and what holds them, TorchScript archives,
/// big-endian files, quantised, sparse and complex tensors, storages that are missing or cut short, tensors that point
/// outside their storage or have more elements than it, and files without a tensor.
namespace camber {

/// The member of an archive, below its folder, in which Camber notes what WeightFile::note() is.
inline constexpr const char* torch_note = "camber.json";

/// Whether the file begins as the older stream does.
bool looks_like_torch_stream(const InputFile& file);

std::unique_ptr<WeightFile> open_torch_zip(const std::filesystem::path& path, InputFile file,
                                           const std::map<std::string, ZipMember>& members);
std::unique_ptr<WeightFile> open_torch_stream(const std::filesystem::path& path, InputFile file);

}  // namespace camber
