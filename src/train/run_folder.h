#pragma once
#include <camber/train.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "report/run_files.h"

namespace camber {

/// Holds a folder for its lifetime against every other process; the kernel lets go when this one ends, however it does.
class FolderLock {
  public:
    /// Throws Error when another process holds it. The folder is there.
    explicit FolderLock(const std::filesystem::path& folder);
    ~FolderLock();
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

  private:
    std::filesystem::path file_;
    int descriptor_ = -1;
};

/// The files of a run.
class RunFolder : public RunFiles {
  public:
    /// `writes`: false for a process that trains along and leaves the folder to another; what writes then does nothing.
    explicit RunFolder(std::filesystem::path folder, bool writes = true)
        : RunFiles(std::move(folder)), writes_(writes) {}
    bool writes() const { return writes_; }

    /// A checkpoint that stays, of an epoch counted from 1.
    std::filesystem::path kept(std::int64_t epoch) const;
    /// There until the first checkpoint is on the disk: tells a run that was ended before it from what is left of one
    /// whose last.safetensors was removed.
    std::filesystem::path no_checkpoint_yet() const { return path() / ".no_checkpoint_yet"; }

    /// Throws UsageError when a run, or what is left of one, is in there already. One that ended before its first
    /// checkpoint counts for nothing.
    void refuse_existing() const;
    /// The configuration of a run that has no checkpoint yet. Throws UsageError when there is none, and when what the
    /// run had would be lost if it began anew.
    TrainConfig stored_config() const;
    /// Makes the folder.
    void make() const;
    /// Has it be that of a run that begins.
    void begin(const TrainConfig& config) const;
    void write_config(const TrainConfig& config) const;
    /// Adds to a checkpoint's configuration what the run has decided after it, by config.json.
    void add_decisions(TrainConfig& config) const;
    struct MetricsLine {
        std::int64_t epoch = 0, step = 0;
        double elapsed = 0;
    };
    /// The last line of metrics.jsonl that is whole.
    std::optional<MetricsLine> last_metrics() const;
    void write_run(const nlohmann::json& run) const;
    /// Written with best.safetensors, whose epoch it is of.
    void write_best_validation(const nlohmann::json& judgement) const;
    /// Drops the lines of metrics.jsonl from `epoch` on, and a last line cut short: they will be written again. Damaged
    /// lines are left out, and the file as it was is kept as metrics.jsonl.damaged: returns a line about it, else "".
    std::string rewind_metrics(std::int64_t epoch) const;
    /// Appends a line, or throws Error and leaves the file as it was.
    void append_metrics(const nlohmann::json& line) const;
    /// Has what was appended survive a power cut.
    void sync_metrics() const;
    /// Has last.safetensors, just written, be what the run goes on from.
    void note_checkpoint() const;
    /// Has last.safetensors, as it is, found as `file` too: the next one is another file.
    void keep_last(const std::filesystem::path& file) const;
    /// Paints input | truth | prediction for some frames of the split.
    void paint(const Dataset& dataset, const std::vector<std::size_t>& frames,
               const std::vector<Image>& predictions) const;

  private:
    /// Whether there is what a run that begins anew would overwrite: results of one that had a checkpoint.
    bool has_remains() const;

    bool writes_;
};

}  // namespace camber
