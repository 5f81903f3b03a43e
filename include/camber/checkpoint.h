#pragma once
#include <camber/safetensors.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Checkpoints are safetensors files. Names of tensors: `model.NAME` parameters and running statistics, `ema.NAME`
/// averaged parameters, `optim.KIND.NAME` the optimizer's state (optim.h). All else is one JSON text under
/// `camber.checkpoint` in the metadata.
namespace camber {

/// What a checkpoint says beside its tensors.
struct CheckpointInfo {
    static constexpr int current_format = 1;
    int format_version = current_format;
    std::string camber_version;  ///< of the program that wrote it; filled in by save_checkpoint()

    nlohmann::json config = nlohmann::json::object();  ///< the run's configuration, from which the network is built

    /// Where training stands: `batch` batches of epoch `epoch` are done, `step` optimizer steps in all.
    std::int64_t epoch = 0, batch = 0, step = 0;

    /// Random streams: all are functions of the seed and of counters such as a stream's next sequence number.
    std::uint64_t seed = 0;
    std::map<std::string, std::uint64_t> counters;

    std::string best_metric_name;  ///< for example "mean_iou"
    std::optional<double> best_metric;
    std::int64_t best_epoch = -1;

    nlohmann::json extra = nlohmann::json::object();  ///< whatever else the trainer must find again
};

enum class CopyTo { same_device, host };

/// Handles, not copies: a checkpoint is written straight from the tensors of the network and the optimizer.
struct Checkpoint {
    CheckpointInfo info;
    std::vector<NamedTensor> tensors;

    /// Adds tensors as `PREFIX + name`.
    void add(const std::string& prefix, std::span<const NamedTensor> list);
    /// One with tensors of its own, which later steps do not change: a copy of all memory that these lie in, each block
    /// in one piece. Waits for the device where it goes to the host.
    Checkpoint copy(CopyTo to) const;
};

/// Writes atomically: whatever happens, `file` is the old checkpoint or the new one. Throws Error naming the file.
void save_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint);

/// A checkpoint opened for reading; tensors are read when asked for.
class CheckpointFile {
  public:
    /// Throws Error, one line naming the file, when it is missing, truncated, damaged, not a Camber checkpoint, or of
    /// a newer format.
    static CheckpointFile open(const std::filesystem::path& file);

    const CheckpointInfo& info() const { return info_; }
    const SafetensorsFile& tensors() const { return tensors_; }
    /// Whether any tensor's name starts with `prefix`.
    bool has(const std::string& prefix) const;
    /// Fills `targets` (any devices) with the tensors called PREFIX + name. All names, shapes and dtypes are checked
    /// before the first element is written: a tensor that is missing, of another shape, or in the file beside the
    /// targets' (with the same first component, such as "model") but not among them is an Error that names it, both
    /// shapes and the likely cause, such as another --classes. The targets' Storage::version() is bumped. With
    /// Optimizer::state() the prefix is "".
    void load(const std::string& prefix, std::span<const NamedTensor> targets) const;

  private:
    CheckpointFile(SafetensorsFile tensors, CheckpointInfo info)
        : tensors_(std::move(tensors)), info_(std::move(info)) {}
    SafetensorsFile tensors_;
    CheckpointInfo info_;
};

/// Throws Error: what the checkpoint says of its run is not what is written there.
[[noreturn]] void fail_damaged(const std::filesystem::path& checkpoint);

/// All of a checkpoint in memory.
Checkpoint load_checkpoint(const std::filesystem::path& file, Device device = Device::cpu);

/// Which weights of a checkpoint load_weights() takes.
enum class WeightsFrom {
    best_available,  ///< averaged parameters where the checkpoint has them (with the running statistics beside them)
    model,           ///< the parameters as trained
};

/// Fills the network's parameters and running statistics from a Camber checkpoint, or from a plain safetensors file
/// that has the targets by their names, with or without "model." in front. Errors as CheckpointFile::load.
void load_weights(const std::filesystem::path& file, std::span<const NamedTensor> targets,
                  WeightsFrom from = WeightsFrom::best_available);

}  // namespace camber
