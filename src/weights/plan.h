#pragma once
#include <camber/import.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "weights/layout.h"
#include "weights/name_map.h"
#include "weights/targets.h"

/// Which tensor of a file goes where in a network: judged by names and shapes, before anything is read.
namespace camber {

struct Transfer {
    const WeightEntry* source;
    std::string target;
    Transposition to_camber;
};

struct Plan {
    ImportReport report;
    std::vector<Transfer> transfers;
    Convention convention;
    const NameMap* map;
    std::ptrdiff_t outputs_anew = 0;  ///< tensors of the wrong shape that are not for training alone
};

/// Higher for a plan that fits, then for one that places more, then for one that knows more names, then for one that
/// leaves less without a place, then for one that keeps the network's last layer rather than that of an auxiliary head.
std::array<std::ptrdiff_t, 5> score(const Plan& plan);

/// What the file would fill under one table with the names that begin with `prefix`, which is taken off.
Plan make_plan(const WeightFile& file, const Targets& targets, Convention convention, const NameMap& map,
               const std::string& prefix);

/// The plan of the table under which most tensors fit, among those that `options` allow. Throws UsageError for an
/// unknown `from` or one that does not suit the file's format.
Plan best_plan(const WeightFile& file, const Targets& targets, const ImportOptions& options);

}  // namespace camber
