#include "report/report.h"

#include <camber/error.h>
#include <fmt/format.h>

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
            for (const std::string& folder : a->runs) runs.push_back(report::read_run(folder));
            if (!a->csv.empty()) write_csv(a->csv, runs);
            if (!a->csv.empty() && a->out.empty()) return 0;
            std::string out = a->out;
            if (out.empty()) out = runs.size() == 1 ? RunFiles(runs[0].folder).report().string() : comparison_file;
            refuse_as_output(out);
            report::write_page(out, runs.size() == 1 ? report::run_page(runs[0]) : report::comparison_page(runs));
            fmt::print("report: {}\n", one_line(out));
            return 0;
        };
    });
}

}  // namespace camber::cli
