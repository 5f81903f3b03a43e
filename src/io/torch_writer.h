#pragma once
#include <camber/named_tensor.h>

#include <filesystem>
#include <span>
#include <string>

namespace camber {

/// Writes f32 tensors on the host as torch.save() does a state_dict (the zip archive of PyTorch 1.6 on), which
/// torch.load() takes with weights_only=True; `note` in a member of the archive beside them, see WeightFile::note().
/// Appears whole or not at all. Throws Error naming the file.
void write_torch(const std::filesystem::path& file, std::span<const NamedTensor> tensors, const std::string& note);

}  // namespace camber
