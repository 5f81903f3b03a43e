// Pages of runs, made up where a real one would be rare: whole, self-contained and honest whatever they show.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "report/metrics_csv.h"
#include "report/page_checks.h"
#include "report/report.h"
#include "report/run_folder.h"
#include "support/errors.h"

using namespace camber;
using namespace camber::testing;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string page_of(const MadeRun& made, const TemporaryFolder& folder, const std::string& name = "run") {
    made.write(folder / name);
    std::string page = report::run_page(report::read_run(folder / name));
    check_page(page);
    return page;
}

}  // namespace

TEST_CASE("a run's page has its curves, classes, matrix, frames, protocol and what is undefined as a dash") {
    const TemporaryFolder folder;
    const std::string page = page_of({}, folder);
    for (const char* part : {"Loss", "Learning rate", "Confusion matrix", "Validation frames, worst first", "finished",
                             "fingerprint 0123456789abcdef", "Test-time augmentation", "/data &lt;1&gt;", "a &amp; b",
                             "Sky taken for Sky: 100 of 100 pixels, 100.00%", "Road is not in the truth", "worst of 2"})
        CHECK_MESSAGE(has(page, part), part);
    CHECK(has(page, "Road: IoU \u2013, precision \u2013, recall \u2013, F1 \u2013, 0 pixels"));
    CHECK(count(page, "<img ") == 3);  // the fourth is not embedded
    CHECK_FALSE(has(page, "http-equiv"));
}

TEST_CASE("names from files are text, never markup") {
    const TemporaryFolder folder;
    const std::string evil = "<b onclick=\"x\">&'";
    const std::string page =
        page_of({.classes = {evil, "\xD0\x9D\xD0\xB5\xD0\xB1\xD0\xBE", "\x1b[31m"}, .net = "</style><i>"}, folder,
                "<run> & 'co'");
    CHECK_FALSE(has(page, "<b onclick"));
    CHECK_FALSE(has(page, "</style><i>"));
    CHECK(has(page, "&lt;run&gt; &amp; &#39;co&#39;"));
    CHECK(has(page, "\xD0\x9D\xD0\xB5\xD0\xB1\xD0\xBE"));
}

TEST_CASE("runs that are short, long, unjudged or of many classes have pages too") {
    const TemporaryFolder folder;
    std::vector<std::string> many;
    for (int i = 0; i < 60; ++i) many.push_back(fmt::format("class {}", i));
    CHECK(has(page_of({.epochs = 0}, folder, "none"), "No epoch is done yet"));
    CHECK(has(page_of({.epochs = 1}, folder, "one"), "<circle"));
    const std::string unjudged = page_of({.validated = false}, folder, "without val");
    CHECK(has(unjudged, "the data has no validation split"));
    CHECK_FALSE(has(unjudged, "Confusion matrix"));
    CHECK(has(page_of({.judged = false}, folder, "unsaved"), "once the best epoch is saved"));
    CHECK(count(page_of({.epochs = 2, .stages = 3}, folder, "stages"), "class=\"division\"") == 10);
    CHECK(has(page_of({.classes = many}, folder, "many"), "The 40 of 60 classes with most pixels"));
    many.resize(32);
    CHECK(count(page_of({.classes = many}, folder, "some"), "class=\"cell") == 32 * 32);
    const std::string long_run = page_of({.epochs = 1000}, folder, "long");
    CHECK(long_run.size() < 3'000'000);
    CHECK(page_of({.state = "running"}, folder, "killed").find("state interrupted") != std::string::npos);
}

TEST_CASE("what is missing or damaged is said, and the rest is shown") {
    const TemporaryFolder folder;
    MadeRun().write(folder / "run");
    const std::filesystem::path run = folder / "run";
    write_text(run / "metrics.jsonl", "{damaged}\n[1]\n" + read_text(run / "metrics.jsonl") + "{\"epoch\": 3, \"l");
    std::filesystem::remove(run / "run.json");
    const std::string page = report::run_page(report::read_run(run));
    check_page(page);
    CHECK(has(page, "2 damaged lines of metrics.jsonl are left out"));
    CHECK(has(page, "the run&#39;s folder has no run.json"));
    CHECK(has(page, "class=\"state finished\""));
    write_text(run / "best_validation.json", R"({"classes": [{"name": "a"}], "confusion": [[1, 2]]})");
    CHECK(has(error_of([&] { report::read_run(run); }), "best_validation.json: \"confusion\" is not a matrix"));
    CHECK(has(error_of([&] { report::read_run(folder.path()); }), "there is no run here"));
}

TEST_CASE("a comparison says what of the protocols differs") {
    const TemporaryFolder folder;
    MadeRun().write(folder / "a");
    MadeRun().write(folder / "b");
    MadeRun({.fingerprint = "fedcba9876543210", .net = "other"}).write(folder / "c");
    const auto page_of_runs = [&](std::initializer_list<const char*> names) {
        std::vector<report::RunRecord> runs;
        for (const char* name : names) runs.push_back(report::read_run(folder / name));
        std::string page = report::comparison_page(runs);
        check_page(page);
        return page;
    };
    const std::string same = page_of_runs({"a", "b"}), other = page_of_runs({"a", "b", "c"});
    CHECK(has(same, "judged by the same protocol"));
    CHECK(has(same, "All runs have the same configuration"));
    CHECK(has(other, "a and c: the frames or label maps that they are judged on"));
    CHECK_FALSE(has(other, "a and b:"));
    CHECK(has(other, "<code>net</code>"));
}

TEST_CASE("metrics as CSV: a line an epoch, quoted where it must be, empty where undefined") {
    const TemporaryFolder folder;
    MadeRun({.classes = {"a,\"b\"", "c"}, .epochs = 2}).write(folder / "run");
    const std::string csv = report::metrics_csv({report::read_run(folder / "run")});
    CHECK(count(csv, "\r\n") == 3);
    CHECK(has(csv, ",\"iou a,\"\"b\"\"\",iou c,best,"));
    CHECK(has(csv, "run,1,1,4,0.001,1,0.5,,0.5,1,1,1,1,1,1,0.4,1,,1,2,1,0.5,0.1,,2,10,200000000,\r\n"));
}

TEST_CASE("a page is written over a page, and over nothing else") {
    const TemporaryFolder folder;
    MadeRun().write(folder / "run");
    report::write_run_report(folder / "run");
    report::write_run_report(folder / "run");
    write_text(folder / "mine.html", "<!DOCTYPE html>");
    CHECK(has(error_of([&] { report::write_page(folder / "mine.html", "x"); }), "exists, and is no report"));
    CHECK(read_text(folder / "mine.html") == "<!DOCTYPE html>");
}
