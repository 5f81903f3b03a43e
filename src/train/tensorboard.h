#pragma once
#include <camber/train.h>

#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "report/event_file.h"

namespace camber {

/// What a run shows in TensorBoard: a file of events for each of its sessions, in one folder. Steps are epochs, counted
/// from 1; 0 is what holds for all of them. What cannot be written stops nothing: take_error() says it. Pictures may
/// come from another thread.
class TensorBoard {
  public:
    /// `done`: epochs before this session. What the folder has of later ones, by a session that was killed, is void.
    TensorBoard(std::filesystem::path folder, std::int64_t done);

    /// Options, network and protocol, where a session before has not said them.
    void begin(const TrainConfig& config, const nlohmann::json& run);
    /// `line`: of metrics.jsonl. Every number in it.
    void metrics(const nlohmann::json& line);
    /// Of weights, and of gradients times `scale` (0: there are none): from one copy each
    /// on the host.
    void histograms(const nn::ParameterBuffer& parameters, std::int64_t epoch, double scale);
    /// PNG files.
    void pictures(const std::vector<std::filesystem::path>& files, std::int64_t epoch);
    void end(bool well);

    /// What failed first since the last call; empty where nothing did.
    std::string take_error();

  private:
    void append(const report::EventSummary& summary, std::int64_t step);
    template <class Work>
    void attempt(const Work& work);

    std::filesystem::path folder_;
    std::int64_t done_;
    std::optional<report::EventFile> file_;
    std::mutex mutex_;
    std::string error_;
};

}  // namespace camber
