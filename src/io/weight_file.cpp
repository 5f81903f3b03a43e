#include <camber/error.h>
#include <camber/safetensors.h>
#include <camber/weights.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "io/file_kind.h"
#include "io/input_file.h"
#include "io/keras_file.h"
#include "io/onnx_file.h"
#include "io/printable.h"
#include "io/pt2_file.h"
#include "io/torch_file.h"
#include "io/zip.h"

namespace camber {
namespace {

class SafetensorsWeights : public WeightFile {
  public:
    explicit SafetensorsWeights(const std::filesystem::path& path)
        : WeightFile(path, WeightFormat::safetensors), file_(SafetensorsFile::open(path)) {
        std::vector<WeightEntry> list;
        for (const SafetensorsFile::Entry& entry : file_.entries()) {
            WeightEntry& added = list.emplace_back();
            added.name = entry.name;
            added.shape = entry.shape;
            added.type = entry.stored;
        }
        set_entries(std::move(list));
        from_camber_ = file_.metadata().contains("camber.checkpoint");
        if (const auto note = file_.metadata().find("camber"); note != file_.metadata().end()) note_ = note->second;
    }

    void read_rows(const WeightEntry& entry, std::int64_t first, std::int64_t rows, float* to) const override {
        if (entry.numel() == 0) return;
        const std::int64_t row = entry.numel() / entry.rows();
        file_.read_floats(*file_.find(entry.name), static_cast<std::uint64_t>(first * row), to,
                          static_cast<std::size_t>(rows * row));
    }

  private:
    SafetensorsFile file_;
};

}  // namespace

std::int64_t WeightEntry::numel() const {
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= extent;  // the readers have checked that it fits
    return count;
}

std::string WeightEntry::shape_text() const { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::unique_ptr<WeightFile> WeightFile::open(const std::filesystem::path& path) {
    InputFile file(path);
    if (looks_like_zip(file)) {
        const std::map<std::string, ZipMember> members = read_zip(file);
        if (is_keras_archive(members)) return open_keras_archive(path, file, members);
        if (is_pt2_archive(members)) return open_pt2_archive(path, std::move(file), members);
        return open_torch_zip(path, std::move(file), members);
    }
    if (looks_like_torch_stream(file)) return open_torch_stream(path, std::move(file));
    if (looks_like_hdf5(file)) return open_keras(path, std::move(file));
    if (looks_like_safetensors(file)) return std::make_unique<SafetensorsWeights>(path);
    if (looks_like_onnx(file)) return open_onnx(path, std::move(file));
    if (const std::string what = mistaken_for_weights(file); !what.empty()) fail("{}: {}", file.name(), what);
    fail("{}: not a file of weights: a safetensors file, PyTorch's .pth or .pt, Keras's .h5 or .keras, or .onnx",
         file.name());
}

const WeightEntry* WeightFile::find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &entries_[found->second];
}

std::vector<float> WeightFile::read(const std::string& name) const {
    const WeightEntry* entry = find(name);
    if (!entry) fail("{}: there is no tensor '{}' in it", file_.string(), printable(name));
    if (entry->type == ElementType::unreadable) {
        fail("{}: tensor '{}' {}", file_.string(), printable(name),
             entry->problem.empty() ? "is of a dtype that cannot be read" : entry->problem);
    }
    std::vector<float> values(static_cast<std::size_t>(entry->numel()));
    read_rows(*entry, 0, entry->rows(), values.data());
    return values;
}

void WeightFile::set_entries(std::vector<WeightEntry> entries) {
    entries_ = std::move(entries);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (!index_.emplace(entries_[i].name, i).second) {
            fail("{}: two tensors are called '{}'", file_.string(), printable(entries_[i].name));
        }
    }
}

}  // namespace camber
