#pragma once
#include <camber/train.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/kept_rows.h"
#include "cli/picture_files.h"
#include "cli/predict_inputs.h"
#include "cli/progress.h"
#include "cli/shares_file.h"

namespace camber::cli {

struct PredictingOptions {
    std::filesystem::path out;  ///< the folder for the results
    std::vector<Output> outputs;
    float alpha = 0.5f;  ///< of overlays
    bool goes_on = false;
    std::filesystem::path shares = {};  ///< empty: none
};

/// Predicts one picture after the other: while one is computed, the next is read, or the rows that follow, and what was
/// computed is written.
class Predicting {
  public:
    /// The model must outlive it.
    Predicting(Model& model, PredictingOptions options);

    /// Does those that are not done yet, or until `stop` becomes true. What is wrong with a picture is reported, and
    /// the others are done. Throws Error where nothing more can be written.
    void run(const std::vector<const Picture*>& pictures, const std::atomic<bool>& stop);

    using Opened = std::function<std::unique_ptr<PictureRows>()>;
    /// Does one, whose results' names begin with `name` below the folder. As run(); what it writes last is waited for
    /// by the next one or finish().
    void add(const std::filesystem::path& name, const Opened& open, const std::atomic<bool>& stop);
    void finish();
    /// Whether a picture is to be left out, since its results are there; counts it then.
    bool passes(const std::filesystem::path& name);

    std::size_t done() const { return done_; }
    std::size_t bad() const { return bad_; }
    std::size_t passed() const { return passed_; }  ///< done before
    ProgressLine& line() { return line_; }

  private:
    struct Job;         ///< a picture's
    struct Stopped {};  ///< thrown out of the middle of a picture

    std::future<std::unique_ptr<PictureRows>> open(const Picture& picture) const;
    void predict(const std::filesystem::path& name, std::unique_ptr<PictureRows> rows, const std::atomic<bool>& stop);
    void write(std::shared_ptr<Job> job, std::optional<JudgedRows> rows);
    void settle(const Job* current);
    template <class Work>
    bool attempt(const Work& work);

    Model& model_;
    const PredictingOptions options_;
    const int channels_;
    std::optional<SharesFile> shares_;
    std::future<std::unique_ptr<PictureRows>> next_;
    std::future<void> writing_;
    std::shared_ptr<Job> written_;  ///< whose rows or end writing_ writes
    bool ends_ = false;             ///< and whether it is the end
    std::size_t done_ = 0, bad_ = 0, passed_ = 0;
    ProgressLine line_;
};

}  // namespace camber::cli
