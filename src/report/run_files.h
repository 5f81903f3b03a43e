#pragma once
#include <filesystem>
#include <string>

namespace camber {

/// Where a run keeps what; docs/reports.md says what is in each file.
class RunFiles {
  public:
    explicit RunFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::filesystem::path config() const { return folder_ / "config.json"; }
    std::filesystem::path run() const { return folder_ / "run.json"; }
    std::filesystem::path metrics() const { return folder_ / "metrics.jsonl"; }
    std::filesystem::path best_validation() const { return folder_ / "best_validation.json"; }
    std::filesystem::path report() const { return folder_ / "report.html"; }
    std::filesystem::path best() const { return folder_ / "best.safetensors"; }
    std::filesystem::path last() const { return folder_ / "last.safetensors"; }
    /// Of TensorBoard.
    std::filesystem::path events() const { return folder_ / "tensorboard"; }
    std::filesystem::path pictures() const { return folder_ / "pictures"; }
    /// Of a frame.
    std::filesystem::path picture(const std::string& frame) const { return pictures() / (frame + ".png"); }
    /// Held by the process that trains in the folder.
    std::filesystem::path lock() const { return folder_ / ".lock"; }
    const std::filesystem::path& path() const { return folder_; }
    std::string name() const { return folder_.string(); }

  private:
    std::filesystem::path folder_;
};

}  // namespace camber
