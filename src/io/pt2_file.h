#pragma once
#include <camber/weights.h>

#include <map>
#include <string>

#include "io/input_file.h"
#include "io/zip.h"

/// What torch.export.save() writes, of which the state_dict is read: the archive of PyTorch 2.8 on (PT2 Archive Spec:
/// storages in data/weights, a JSON text beside them that says whose they are) and the one before it, which has a file
/// of torch.save() within. Of several models in one archive each has its name before those of its tensors.
namespace camber {

bool is_pt2_archive(const std::map<std::string, ZipMember>& members);
/// Throws Error, one line naming the file, as readers of PyTorch's other files do (torch_file.h).
std::unique_ptr<WeightFile> open_pt2_archive(const std::filesystem::path& path, InputFile file,
                                             const std::map<std::string, ZipMember>& members);

}  // namespace camber
