#pragma once
#include <string>
#include <vector>

#include "report/run_record.h"

namespace camber::report {

/// The epochs of runs as comma-separated values (RFC 4180), a line an epoch under a line of names: `run`, `epoch` (from
/// 1), `stage`, `step`, `lr`, then `train_...`, `val_...`, `iou CLASS` of validation, seconds and bytes. What is
/// undefined is empty.
std::string metrics_csv(const std::vector<RunRecord>& runs);

}  // namespace camber::report
