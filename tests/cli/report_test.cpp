// What a run leaves for its report, and what `camber report` and `camber eval` make of it.
#include <camber/checkpoint.h>
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/check_error.h"
#include "cli/scenes.h"
#include "report/page_checks.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

nlohmann::json json_of(const fs::path& file) { return nlohmann::json::parse(read_text(file)); }

/// The table of classes at the end of an output.
std::string table_of(const std::string& output) {
    const std::size_t head = output.find("% pixels");
    return head == std::string::npos ? "" : output.substr(output.rfind('\n', head) + 1);
}

void train(const fs::path& data, const fs::path& run, std::vector<std::string> more = {}) {
    const CommandResult trained = run_camber(train_arguments(data, run, std::move(more)));
    INFO(trained.errors);
    REQUIRE(trained.exit_code == 0);
}

}  // namespace

TEST_CASE("a run's report is what `camber report` makes of its folder, and says what eval says") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    const CommandResult trained = run_camber(train_arguments(folder / "data", folder / "run"));
    REQUIRE(trained.exit_code == 0);
    const std::string page = read_text(folder / "run/report.html");
    check_page(page);
    CHECK(page.size() < 3'000'000);
    CHECK(page.find("http-equiv") == std::string::npos);
    fs::remove(folder / "run/report.html");
    const CommandResult again = run_camber({"report", (folder / "run").string()});
    CHECK(again.exit_code == 0);
    CHECK(read_text(folder / "run/report.html") == page);

    const std::string checkpoint = (folder / "run/best.safetensors").string(), out = (folder / "eval.html").string();
    const CommandResult judged = run_camber({"eval", "--checkpoint", checkpoint, "--json", "--report", out});
    INFO(judged.errors);
    REQUIRE(judged.exit_code == 0);
    check_page(read_text(out));
    const nlohmann::json eval = nlohmann::json::parse(judged.output),
                         best = json_of(folder / "run/best_validation.json");
    CHECK(eval.at("confusion") == best.at("confusion"));
    CHECK(eval.at("protocol") == json_of(folder / "run/run.json").at("protocol"));
    CHECK(best.at("epoch") == CheckpointFile::open(checkpoint).info().best_epoch);
    CHECK(best.at("frames").size() == 3);
    CHECK(best.at("shown").at(0).at("rank") == 1);
    CHECK(best.at("shown").at(0).at("mean_iou") <= best.at("shown").at(2).at("mean_iou"));

    const CommandResult printed = run_camber({"eval", "--checkpoint", checkpoint});
    CHECK(printed.output.find("Test-time augmentation: none\n") != std::string::npos);
    CHECK(table_of(printed.output) != "");
    CHECK(table_of(printed.output) == table_of(trained.output));
}

TEST_CASE("a class that is neither there nor predicted is a dash in the run's own table and null in its files") {
    const TemporaryFolder folder;
    // Void is all but one class: the others are not in the truth.
    write_scenes(folder / "data");
    const CommandResult trained =
        run_camber(train_arguments(folder / "data", folder / "run",
                                   {"--classes", "voc", "--map", "0=1,1=1,2=1,3=1,4=1,5=1,6=1,7=1,8=1,9=1,10=1"}));
    INFO(trained.errors);
    REQUIRE(trained.exit_code == 0);
    const nlohmann::json best = json_of(folder / "run/best_validation.json");
    bool undefined = false;
    for (const auto& c : best.at("classes")) undefined = undefined || c.at("precision").is_null();
    CHECK(undefined);
    CHECK(table_of(trained.output).find("        -") != std::string::npos);
    CHECK(table_of(trained.output).find("nan") == std::string::npos);
    check_page(read_text(folder / "run/report.html"));
}

TEST_CASE("an interrupted run that is resumed leaves the same best validation") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    train(folder / "data", folder / "whole");
    CommandLimits limits;
    limits.signal = SIGINT;
    limits.when = [&] { return !read_text(folder / "run/metrics.jsonl").empty(); };
    const CommandResult interrupted = run_camber(train_arguments(folder / "data", folder / "run"), limits);
    if (interrupted.exit_code != 0) {
        CHECK(json_of(folder / "run/run.json").at("state") == "interrupted");
        check_page(read_text(folder / "run/report.html"));
        REQUIRE(run_camber({"train", "--resume", "--out", (folder / "run").string()}).exit_code == 0);
    }
    CHECK(json_of(folder / "run/run.json").at("state") == "finished");
    CHECK(read_text(folder / "run/best_validation.json") == read_text(folder / "whole/best_validation.json"));
}

TEST_CASE("a run that was killed while its last report was written has it once it is resumed") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    train(folder / "data", folder / "run", {"--epochs", "1"});
    const std::string page = read_text(folder / "run/report.html");
    nlohmann::json run = json_of(folder / "run/run.json");
    CHECK(run.at("state") == "finished");
    run["state"] = "running";
    write_text(folder / "run/run.json", run.dump());
    write_text(folder / "run/.report.html.tmp-0", page.substr(0, 1000));
    REQUIRE(run_camber({"report", (folder / "run").string()}).exit_code == 0);
    CHECK(read_text(folder / "run/report.html") != page);
    write_text(folder / "run/.report.html.tmp-0", page.substr(0, 1000));
    const CommandResult resumed = run_camber({"train", "--resume", "--out", (folder / "run").string()});
    REQUIRE_MESSAGE(resumed.exit_code == 0, resumed.errors);
    CHECK(json_of(folder / "run/run.json").at("state") == "finished");
    CHECK(read_text(folder / "run/report.html") == page);
    CHECK_FALSE(fs::exists(folder / "run/.report.html.tmp-0"));
    // What is damaged is said, and stops nothing.
    write_text(folder / "run/run.json", "{");
    const CommandResult damaged = run_camber({"train", "--resume", "--out", (folder / "run").string()});
    CHECK(damaged.exit_code == 0);
    CHECK(says(damaged.output, "run.json"));
}

TEST_CASE("several runs are compared, metrics become CSV, and nothing else is written over") {
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    train(folder / "data", folder / "a", {"--epochs", "1", "--in-channels", "1"});
    train(folder / "data", folder / "b", {"--epochs", "2"});
    const std::string a = (folder / "a").string(), b = (folder / "b").string();
    const std::string out = (folder / "both.html").string(), csv = (folder / "both.csv").string();
    CHECK(run_camber({"report", a, b, "--out", out, "--csv", csv}).exit_code == 0);
    check_page(read_text(out));
    check_page(read_text(folder / "a/report.html"));
    const std::string table = read_text(csv);
    CHECK(std::count(table.begin(), table.end(), '\n') == 4);

    write_text(folder / "mine.html", "mine");
    check_error(run_camber({"report", a, "--out", (folder / "mine.html").string()}), 1, {"exists, and is no report"});
    check_error(run_camber({"report", a, "--csv", (folder / "mine.html").string()}), 2, {"ends in .csv"});
    check_error(run_camber({"report", (folder / "data").string()}), 2, {"there is no run here"});
    for (const char* damaged : {"{}", "[]", "{\"layers\": 3}", "{\"state\": 1}"}) {
        write_text(folder / "b/run.json", damaged);
        check_error(run_camber({"report", a, b, "--out", out}), 1, {"b/run.json: ", "damaged?"});
    }
    check_error(run_camber({"report", a, "--out", (folder / "data/train/x.html").string()}), 2,
                {"is among the dataset's"});
    CHECK(read_text(folder / "mine.html") == "mine");
}
