#pragma once
#include <functional>
#include <string>

#include "report/chart.h"
#include "report/run_record.h"

namespace camber::report {

/// A figure of an epoch.
using Figure = std::function<double(const EpochRecord&)>;

/// The figure over a run's epochs, counted from 1.
Series curve(const std::string& name, int colour, const RunRecord& run, const Figure& figure, bool dashed = false);

/// Figures of validation; NaN for epochs without.
double val_loss(const EpochRecord& epoch);
double val_mean_iou(const EpochRecord& epoch);
double val_pixel_accuracy(const EpochRecord& epoch);

/// What all epochs took, whatever interruptions lay between.
struct SecondsIn {
    double steps = 0, validation = 0, checkpoints = 0, report = 0;
    double all = 0;  ///< the starts of the run too
    double other() const { return all - steps - validation - checkpoints - report; }
};
SecondsIn seconds_in(const RunRecord& run);

}  // namespace camber::report
