#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "report/run_record.h"

/// Reports: pages that need nothing but themselves, made of what a run's folder holds.
namespace camber::report {

/// Everything of one run.
std::string run_page(const RunRecord& run);
/// Several runs side by side, with what of their protocols differs. At least two.
std::string comparison_page(const std::vector<RunRecord>& runs);
/// An evaluation, as `camber eval --json` prints it, with "frames" and "shown" as best_validation.json has them.
std::string evaluation_page(const nlohmann::json& evaluation);

/// Writes a page, atomically. Throws Error where `file` exists and is none, since it would be lost.
void write_page(const std::filesystem::path& file, const std::string& page);

/// read_run() and run_page() into the folder's report.html.
void write_run_report(const std::filesystem::path& folder);

}  // namespace camber::report
