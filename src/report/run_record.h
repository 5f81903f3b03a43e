#pragma once
#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "report/run_files.h"

/// What a run's folder says of the run. A figure that is undefined, null or not there is NaN throughout.
namespace camber::report {

inline constexpr double none = std::numeric_limits<double>::quiet_NaN();

struct ClassScores {
    std::string name;
    std::int64_t pixels = 0;  ///< of the truth
    double iou = none, precision = none, recall = none, f1 = none;
};

/// Of a split, or of what has been trained on so far.
struct Scores {
    double loss = none, pixel_accuracy = none, mean_iou = none, mean_accuracy = none;
    double precision = none, recall = none, f1 = none, iou_score = none;
    std::vector<ClassScores> classes = {};
};

struct EpochRecord {
    std::int64_t epoch = 0, stage = 0, step = 0;  ///< epoch and stage from 0
    double lr = none;
    Scores train;
    std::optional<Scores> val;
    bool best = false;
    double seconds = none, elapsed = none, images_per_second = none;
    double step_seconds = none, validation_seconds = none, checkpoint_seconds = none, report_seconds = none;
    double host_bytes = none, device_bytes = none;  ///< the most so far
};

/// A frame of a split by itself.
struct FrameRecord {
    std::string name;
    double pixel_accuracy = none, mean_iou = none;
};
struct ShownFrame {
    FrameRecord frame;
    std::size_t rank = 0;                         ///< from 1, the worst
    std::string input, truth, prediction, error;  ///< `data:` URIs
};

/// How a network was judged on a split, as best_validation.json has it.
struct Judgement {
    std::int64_t epoch = -1;  ///< from 0; -1: not of a run
    Scores scores;
    std::vector<std::vector<std::int64_t>> confusion = {};  ///< rows truth
    std::vector<FrameRecord> frames = {};
    std::vector<ShownFrame> shown = {};
};

/// Throws Error beginning with `source` where it is of another form.
Judgement judgement_from(const nlohmann::json& json, const std::string& source);

struct ClassLook {
    std::string name, colour;  ///< "#rrggbb"
};

struct RunRecord {
    std::string name;  ///< of its folder
    std::filesystem::path folder;
    nlohmann::json config;
    nlohmann::json run;  ///< run.json; null where there is none
    bool running = false;
    std::vector<EpochRecord> epochs;
    std::size_t damaged_lines = 0;  ///< of metrics.jsonl
    std::optional<Judgement> best;
    std::vector<ClassLook> classes;  ///< void last; from run.json

    const EpochRecord* best_epoch() const;  ///< the last that was better than all before; null without validation
    int planned_epochs() const;             ///< of all stages; 0 where the clock ends the run
    std::string number_of(const EpochRecord& epoch) const;  ///< "7 of 40", or "7" where the clock ends the run
    std::string monitor() const;
};

/// From config.json, run.json, metrics.jsonl and best_validation.json; all but the first may be missing. Throws
/// UsageError where there is no run, Error for a file that cannot be read.
RunRecord read_run(const std::filesystem::path& folder);

/// What run.json says; null where there is none. Throws Error for one that is damaged.
nlohmann::json stored_run(const RunFiles& files);

/// The classes' names and colours, void last, of a class table's JSON.
std::vector<ClassLook> class_looks(const nlohmann::json& table);

}  // namespace camber::report
