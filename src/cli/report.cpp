#include "report/report.h"

#include <camber/error.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/output_file.h"
#include "io/atomic_file.h"
#include "report/metrics_csv.h"
#include "report/run_files.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* comparison_file = "comparison.html";

void refuse_as_output(const std::string& out) { refuse_among_frames(fs::absolute(out).parent_path(), out); }

std::string page_of(const report::RunRecord& run) {
    try {
        return report::run_page(run);
    } catch (const nlohmann::json::exception&) {
        const RunFiles files(run.folder);
        fail("{}: it or {} holds a value of another kind than Camber writes there: is it damaged?",
             files.run().string(), files.config().filename().string());
    }
}

/// Only under a name that says what it is: the file that has it is replaced.
void write_csv(const std::string& file, const std::vector<report::RunRecord>& runs) {
    if (fs::path(file).extension() != ".csv") fail_usage("--csv {}: give it a name that ends in .csv", file);
    refuse_as_output(file);
    write_file_atomically(file, report::metrics_csv(runs));
    fmt::print("metrics as CSV: {}\n", one_line(file));
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
    struct Arguments {
        std::vector<std::string> runs;
        std::string out, csv;
    };
    CLI::App* command = app.add_subcommand(
        "report", "Writes a run's report.html anew, or compares several runs on one page, from their folders alone");
    auto a = std::make_shared<Arguments>();
    command->add_option("runs", a->runs, "Folders of runs")->required();
    command->add_option("--out", a->out,
                        fmt::format("The page [RUN/report.html; of several runs {}]", comparison_file));
    command->add_option("--csv", a->csv, "Write the metrics there, as comma-separated values, a line an epoch");
    command->footer("Example:\n  camber report runs/A runs/B --out both.html");
    command->callback([a, &action] {
        action = [a] {
            std::vector<report::RunRecord> runs;
            std::string page;  // of each, so that a damaged one is named; of the last in the end
            for (const std::string& folder : a->runs) {
                runs.push_back(report::read_run(folder));
                page = page_of(runs.back());
            }
            if (!a->csv.empty()) write_csv(a->csv, runs);
            if (!a->csv.empty() && a->out.empty()) return 0;
            std::string out = a->out;
            if (out.empty()) out = runs.size() == 1 ? RunFiles(runs[0].folder).report().string() : comparison_file;
            refuse_as_output(out);
            report::write_page(out, runs.size() == 1 ? page : report::comparison_page(runs));
            fmt::print("report: {}\n", one_line(out));
            return 0;
        };
    });
}

}  // namespace camber::cli
