#pragma once
#include <camber/train.h>

#include <filesystem>
#include <nlohmann/json.hpp>

namespace camber {

/// The files of a run.
class RunFolder {
  public:
    explicit RunFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::filesystem::path config() const { return folder_ / "config.json"; }
    std::filesystem::path metrics() const { return folder_ / "metrics.jsonl"; }
    std::filesystem::path best() const { return folder_ / "best.safetensors"; }
    std::filesystem::path last() const { return folder_ / "last.safetensors"; }
    std::filesystem::path pictures() const { return folder_ / "pictures"; }
    std::string name() const { return folder_.string(); }

    /// Throws UsageError when a run is in there already.
    void refuse_existing() const;
    /// Makes the folder and writes config.json.
    void create(const nlohmann::json& config) const;
    /// Drops the lines of metrics.jsonl from `epoch` on, and a last line cut short: they will be written again.
    void rewind_metrics(std::int64_t epoch) const;
    /// Appends a line.
    void append_metrics(const nlohmann::json& line) const;
    /// Has what was appended survive a power cut.
    void sync_metrics() const;
    /// Paints input | truth | prediction for some frames of the split.
    void paint(const Dataset& dataset, const std::vector<std::size_t>& frames,
               const std::vector<Image>& predictions) const;

  private:
    std::filesystem::path folder_;
};

}  // namespace camber
