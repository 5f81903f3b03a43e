#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/curves.h"
#include "report/number_text.h"
#include "report/page.h"
#include "report/report.h"
#include "report/sections.h"

namespace camber::report {
namespace {

using nlohmann::json;

std::string percent_text(double value) { return fmt::format("{:.1f}%", value); }
double in_percent(double share) { return 100 * share; }

/// What run.json says of how the run ended; a run that says nothing and that nobody trains was ended from outside.
std::string state_of(const RunRecord& run) {
    if (run.running) return "running";
    const std::string state = run.run.is_object() ? run.run.value("state", "") : "";
    if (state == "running") return "interrupted";
    if (!state.empty()) return state;
    const int planned = run.planned_epochs();
    return planned > 0 && static_cast<int>(run.epochs.size()) >= planned ? "finished" : "interrupted";
}

/// "7 of 40 epochs", or "7 epochs of 8 minutes" where the clock ends the run.
std::string progress_text(const RunRecord& run) {
    const int planned = run.planned_epochs();
    return planned > 0 ? fmt::format("{} of {} epochs", run.epochs.size(), planned)
                       : fmt::format("{} epoch{} of {:g} minutes", run.epochs.size(), run.epochs.size() == 1 ? "" : "s",
                                     run.config.value("minutes", 0.0));
}

Markup heading(const RunRecord& run) {
    const std::string state = state_of(run);
    Markup inner = element("div", {{"class", "line"}},
                           element("h1", {}, run.name) + element("span", {{"class", "state " + state}}, state));
    std::string about = run.config.value("net", "");
    if (run.run.is_object()) {
        about += fmt::format(
            ", {} parameters, on {} in {}; {}", compact(run.run.at("layers").at("params").get<std::int64_t>()),
            run.run.at("device").get<std::string>(), run.run.at("dtype").get<std::string>(), progress_text(run));
    }
    inner += element("p", {{"class", "about"}}, about);
    if (run.run.is_object() && !run.run.value("why", "").empty())
        inner += element("p", {{"class", "about"}}, "Ended: " + run.run.value("why", ""));
    return element("header", {}, inner);
}

std::vector<Tile> figures(const RunRecord& run) {
    const EpochRecord& last = run.epochs.back();
    std::vector<Tile> all;
    if (const EpochRecord* best = run.best_epoch(); best && best->val) {
        const std::string when = "best epoch, " + run.number_of(*best);
        const std::string on = "validation, epoch " + std::to_string(best->epoch + 1);
        all.push_back({"Mean IoU", percent(best->val->mean_iou), when});
        all.push_back({"Pixel accuracy", percent(best->val->pixel_accuracy), on});
        all.push_back({"Class accuracy", percent(best->val->mean_accuracy), on});
        all.push_back({"Validation loss", fixed(best->val->loss, 4), on});
    } else {
        all.push_back({"Training loss", fixed(last.train.loss, 4), fmt::format("epoch {}", last.epoch + 1)});
        all.push_back({"Training mean IoU", percent(last.train.mean_iou), "of augmented batches"});
    }
    all.push_back({"Time", seconds_text(seconds_in(run).all), fmt::format("{} epochs", run.epochs.size())});
    all.push_back({"Speed", fixed(last.images_per_second, 1), "training images/s, last epoch"});
    double host = none, device = none;
    for (const EpochRecord& epoch : run.epochs) {
        host = std::fmax(host, epoch.host_bytes);
        device = std::fmax(device, epoch.device_bytes);
    }
    all.push_back({"Peak memory", bytes_text(host),
                   std::isfinite(device) ? bytes_text(device) + " in tensors on the device" : "of the process"});
    return all;
}

/// The x at which a stage begins, but the first.
std::vector<double> stage_begins(const RunRecord& run) {
    std::vector<double> begins;
    for (std::size_t i = 1; i < run.epochs.size(); ++i)
        if (run.epochs[i].stage != run.epochs[i - 1].stage)
            begins.push_back(static_cast<double>(run.epochs[i].epoch) + 0.5);
    return begins;
}

Markup curves(const RunRecord& run) {
    const auto of_both = [&](Chart chart, const Figure& train, const Figure& val) {
        chart.series = {curve("train", 1, run, train, true)};
        if (std::any_of(run.epochs.begin(), run.epochs.end(), [](const auto& epoch) { return epoch.val.has_value(); }))
            chart.series.push_back(curve("validation", 0, run, val));
        chart.divisions = stage_begins(run);
        return line_chart(chart);
    };
    const auto fixed4 = [](double value) { return fixed(value, 4); };
    Markup charts = of_both(
        {.title = "Loss", .value = fixed4}, [](const auto& e) { return e.train.loss; }, val_loss);
    charts += of_both(
        {.title = "Mean IoU", .unit = "%", .value = percent_text, .most = 100},
        [](const auto& e) { return in_percent(e.train.mean_iou); },
        [](const auto& e) { return in_percent(val_mean_iou(e)); });
    charts += of_both(
        {.title = "Pixel accuracy", .unit = "%", .value = percent_text, .most = 100},
        [](const auto& e) { return in_percent(e.train.pixel_accuracy); },
        [](const auto& e) { return in_percent(val_pixel_accuracy(e)); });
    const auto alone = [&](Chart chart, const std::string& name, int colour, const Figure& figure) {
        chart.series = {curve(name, colour, run, figure)};
        chart.divisions = stage_begins(run);
        return line_chart(chart);
    };
    charts += alone({.title = "Learning rate", .value = shortest, .from_zero = true}, "at the epoch's end", 2,
                    [](const auto& e) { return e.lr; });
    charts +=
        alone({.title = "Speed", .unit = "images/s", .value = [](double v) { return fixed(v, 1); }, .from_zero = true},
              "training", 4, [](const auto& e) { return e.images_per_second; });
    Chart seconds{.title = "Time", .unit = "s an epoch", .value = [](double v) { return fmt::format("{:.2f} s", v); }};
    seconds.series = {curve("steps", 0, run, [](const auto& e) { return e.step_seconds; }),
                      curve("validation", 1, run, [](const auto& e) { return e.validation_seconds; }),
                      curve("checkpoints", 2, run, [](const auto& e) { return e.checkpoint_seconds; })};
    charts += stacked_chart(seconds);
    return element("div", {{"class", "charts"}}, charts) +
           element("p", {{"class", "note"}},
                   "Training figures are of augmented batches while the weights change, at the network's own size; "
                   "validation figures are of whole frames by the protocol above.");
}

Markup timings(const RunRecord& run) {
    const SecondsIn sum = seconds_in(run);
    struct Part {
        const char* name;
        double seconds;
        int colour;
    };
    const Part parts[] = {{"Training steps", sum.steps, 0},
                          {"Validation", sum.validation, 1},
                          {"Checkpoints and pictures", sum.checkpoints, 2},
                          {"This report", sum.report, 3},
                          {"Reading the data, planning, the rest", std::max(sum.other(), 0.0), 6}};
    Markup bars, rows;
    for (const Part& part : parts) {
        const double share = sum.all > 0 ? part.seconds / sum.all : none;
        const std::string kind = fmt::format("s{}", part.colour);
        if (part.seconds > 0)
            bars += element("i",
                            {{"class", kind},
                             {"style", fmt::format("flex:{:.3f} 0 0", part.seconds)},
                             {"title", fmt::format("{}: {}", part.name, seconds_text(part.seconds))}},
                            "");
        rows += element("tr", {},
                        element("td", {}, element("span", {{"class", "key " + kind}}, "") + Markup::text(part.name)) +
                            element("td", {{"class", "number"}}, seconds_text(part.seconds)) +
                            element("td", {{"class", "number"}}, percent(share)));
    }
    rows += element("tr", {},
                    element("td", {}, element("b", {}, "All epochs that are done")) +
                        element("td", {{"class", "number"}}, seconds_text(sum.all)) +
                        element("td", {{"class", "number"}}, ""));
    return element("div", {{"class", "card"}},
                   element("div", {{"class", "split"}}, bars) + element("table", {}, element("tbody", {}, rows)));
}

Markup machine(const RunRecord& run) {
    if (!run.run.is_object()) return {};
    const EpochRecord& last = run.epochs.back();
    Markup lines;
    const auto line = [&](const std::string& what, const std::string& how) {
        lines += element("dt", {}, what) + element("dd", {}, how);
    };
    line("Device", run.run.at("device").get<std::string>() + ": " + run.run.at("device_name").get<std::string>());
    line("Activations", run.run.at("dtype").get<std::string>());
    line("Processor",
         fmt::format("{}, {} cores", run.run.at("processor").get<std::string>(), run.run.at("cores").get<int>()));
    line("Memory",
         bytes_text(last.host_bytes) + " at most, of the process" +
             (std::isfinite(last.device_bytes) ? "; " + bytes_text(last.device_bytes) + " in tensors on the device"
                                               : std::string()));
    line("Version", "Camber " + run.run.at("camber").get<std::string>());
    return element("div", {{"class", "card"}}, element("dl", {{"class", "pairs"}}, lines));
}

/// How the best epoch was judged: of best_validation.json where it is there, else what metrics.jsonl has of it.
Markup judged(const RunRecord& run) {
    if (run.best) {
        const std::string of = fmt::format("of epoch {}", run.best->epoch + 1);
        return section("classes", "Classes, " + of, class_table(run.best->scores, run.classes)) +
               section("confusion", "Confusion matrix, " + of, confusion_cards(*run.best)) +
               section("frames", "Validation frames, worst first, " + of, frame_cards(*run.best, run.classes));
    }
    const EpochRecord* best = run.best_epoch();
    if (!best || !best->val) return {};
    return section("classes", fmt::format("Classes, of epoch {}", best->epoch + 1),
                   class_table(*best->val, run.classes)) +
           element("p", {{"class", "note"}},
                   "The confusion matrix and frames are there once the best epoch is saved (best_validation.json).");
}

}  // namespace

std::string run_page(const RunRecord& run) {
    Markup body = heading(run);
    if (run.damaged_lines > 0)
        body += element("p", {{"class", "warning"}},
                        run.damaged_lines == 1
                            ? std::string("A damaged line of metrics.jsonl is left out.")
                            : fmt::format("{} damaged lines of metrics.jsonl are left out.", run.damaged_lines));
    const json protocol = run.run.is_object() ? run.run.value("protocol", json()) : json();
    if (!run.epochs.empty()) body += tiles(figures(run));
    body += section("protocol", "Protocol", protocol_card(protocol));
    if (run.epochs.empty()) {
        body += section("curves", "Curves", element("p", {{"class", "card note"}}, "No epoch is done yet."));
    } else {
        body += section("curves", "Curves", curves(run)) + judged(run);
        body += section("time", "Time", timings(run)) + section("machine", "Machine", machine(run));
    }
    Markup more = layer_details(run.run.is_object() ? run.run.value("layers", json()) : json());
    more += json_details("Configuration", run.config);
    body += section("more", "In detail", more);
    return page(run.name + " \u2013 Camber", body, run.running);
}

}  // namespace camber::report
