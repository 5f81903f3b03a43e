#include "report/metrics_csv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "io/csv_cell.h"

namespace camber::report {
namespace {

/// Read back as the same number.
std::string cell(double value) { return std::isfinite(value) ? fmt::format("{}", value) : ""; }

/// Of all runs, in the order in which they first occur.
std::vector<std::string> class_names(const std::vector<RunRecord>& runs) {
    std::vector<std::string> names;
    for (const RunRecord& run : runs)
        for (const EpochRecord& epoch : run.epochs)
            for (const ClassScores& c : epoch.val.value_or(Scores{}).classes)
                if (std::find(names.begin(), names.end(), c.name) == names.end()) names.push_back(c.name);
    return names;
}

std::vector<std::string> row_of(const RunRecord& run, const EpochRecord& epoch, const std::vector<std::string>& names) {
    const Scores val = epoch.val.value_or(Scores{});
    std::vector<std::string> cells = {csv_cell(run.name),
                                      fmt::format("{}", epoch.epoch + 1),
                                      fmt::format("{}", epoch.stage + 1),
                                      fmt::format("{}", epoch.step),
                                      cell(epoch.lr),
                                      cell(epoch.train.loss),
                                      cell(epoch.train.pixel_accuracy),
                                      cell(epoch.train.mean_iou)};
    for (const double value : {val.loss, val.pixel_accuracy, val.mean_iou, val.mean_accuracy, val.precision, val.recall,
                               val.f1, val.iou_score})
        cells.push_back(cell(value));
    for (const std::string& name : names) {
        const auto found = std::find_if(val.classes.begin(), val.classes.end(),
                                        [&](const ClassScores& scores) { return scores.name == name; });
        cells.push_back(cell(found == val.classes.end() ? none : found->iou));
    }
    cells.emplace_back(epoch.best ? "1" : "0");
    for (const double value :
         {epoch.seconds, epoch.step_seconds, epoch.validation_seconds, epoch.checkpoint_seconds, epoch.report_seconds,
          epoch.elapsed, epoch.images_per_second, epoch.host_bytes, epoch.device_bytes})
        cells.push_back(cell(value));
    return cells;
}

}  // namespace

std::string metrics_csv(const std::vector<RunRecord>& runs) {
    const std::vector<std::string> names = class_names(runs);
    std::vector<std::string> header = {"run",
                                       "epoch",
                                       "stage",
                                       "step",
                                       "lr",
                                       "train_loss",
                                       "train_pixel_accuracy",
                                       "train_mean_iou",
                                       "val_loss",
                                       "val_pixel_accuracy",
                                       "val_mean_iou",
                                       "val_mean_accuracy",
                                       "val_precision",
                                       "val_recall",
                                       "val_f1",
                                       "val_iou_score"};
    for (const std::string& name : names) header.push_back(csv_cell("iou " + name));
    for (const char* name : {"best", "seconds", "seconds_steps", "seconds_validation", "seconds_checkpoints",
                             "seconds_report", "elapsed", "images_per_second", "peak_host_bytes", "peak_device_bytes"})
        header.emplace_back(name);
    std::string text = fmt::format("{}\r\n", fmt::join(header, ","));
    for (const RunRecord& run : runs)
        for (const EpochRecord& epoch : run.epochs)
            text += fmt::format("{}\r\n", fmt::join(row_of(run, epoch, names), ","));
    return text;
}

}  // namespace camber::report
