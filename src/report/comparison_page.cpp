#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "report/curves.h"
#include "report/number_text.h"
#include "report/page.h"
#include "report/protocol.h"
#include "report/report.h"
#include "report/sections.h"

namespace camber::report {
namespace {

using nlohmann::json;

json protocol_of(const RunRecord& run) { return run.run.is_object() ? run.run.value("protocol", json()) : json(); }

/// Their best epochs' figures; of a run without validation none.
Scores best_scores(const RunRecord& run) {
    const EpochRecord* best = run.best_epoch();
    return best && best->val ? *best->val : Scores{};
}

Markup key(std::size_t i) { return element("span", {{"class", fmt::format("key s{}", i % series_colours)}}, ""); }

Markup run_heads(const std::vector<RunRecord>& runs) {
    Markup heads;
    for (std::size_t i = 0; i < runs.size(); ++i)
        heads += element("th", {{"class", "number"}}, key(i) + Markup::text(runs[i].name));
    return heads;
}

/// The place of the largest of the figures, or of the smallest; none where several are, or only one is defined.
std::size_t best_of(std::vector<double> figures, bool lowest = false) {
    const std::size_t nowhere = figures.size();
    if (std::count_if(figures.begin(), figures.end(), [](double figure) { return std::isfinite(figure); }) < 2)
        return nowhere;
    for (double& figure : figures) {
        if (lowest) figure = -figure;
        if (!std::isfinite(figure)) figure = -std::numeric_limits<double>::infinity();
    }
    const auto best = std::max_element(figures.begin(), figures.end());
    return std::count(figures.begin(), figures.end(), *best) > 1 ? nowhere
                                                                 : static_cast<std::size_t>(best - figures.begin());
}

Markup figure_cells(const std::vector<double>& figures, std::string (*shown)(double), bool lowest = false) {
    const std::size_t best = best_of(figures, lowest);
    Markup cells;
    for (std::size_t i = 0; i < figures.size(); ++i)
        cells += element("td", {{"class", i == best ? "number best" : "number"}}, shown(figures[i]));
    return cells;
}

std::string share_text(double value) { return percent(value, 2); }
std::string loss_text(double value) { return fixed(value, 4); }

/// Rows are runs, so that many fit on a phone too: figures scroll within their card.
Markup overview(const std::vector<RunRecord>& runs) {
    std::vector<Scores> scores;
    std::vector<double> ious, accuracies, losses;
    for (const RunRecord& run : runs) {
        scores.push_back(best_scores(run));
        ious.push_back(scores.back().mean_iou);
        accuracies.push_back(scores.back().pixel_accuracy);
        losses.push_back(scores.back().loss);
    }
    const std::size_t iou = best_of(ious), accuracy = best_of(accuracies), loss = best_of(losses, true);
    const auto cell = [](const std::string& text, bool best) {
        return element("td", {{"class", best ? "number best" : "number"}}, text);
    };
    Markup rows;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const RunRecord& run = runs[i];
        const EpochRecord* best = run.best_epoch();
        const std::string parameters =
            run.run.is_object() ? compact(run.run.at("layers").at("params").get<std::int64_t>()) : dash;
        rows += element("tr", {},
                        element("td", {{"class", "name"}}, key(i) + element("b", {}, run.name)) +
                            cell(share_text(ious[i]), i == iou) + cell(share_text(accuracies[i]), i == accuracy) +
                            cell(loss_text(losses[i]), i == loss) + cell(best ? run.number_of(*best) : dash, false) +
                            cell(seconds_text(seconds_in(run).all), false) + cell(run.config.value("net", ""), false) +
                            cell(parameters, false) +
                            cell(run.run.is_object() ? run.run.at("device").get<std::string>() : dash, false));
    }
    Markup head = element("th", {}, "Run");
    for (const char* name :
         {"Mean IoU", "Pixel accuracy", "Loss", "Best epoch", "Time", "Network", "Parameters", "Device"})
        head += element("th", {{"class", "number"}}, name);
    return element("div", {{"class", "card scroll"}},
                   element("table", {}, element("thead", {}, element("tr", {}, head)) + element("tbody", {}, rows)));
}

/// What of the protocols differs from the first run's, run by run.
Markup differences(const std::vector<RunRecord>& runs) {
    Markup items;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (protocol_of(runs[i]).is_null()) {
            items += element("li", {}, fmt::format("{}: its protocol is not known", runs[i].name));
            continue;
        }
        for (const std::string& what : protocol_differences(protocol_of(runs[0]), protocol_of(runs[i])))
            items += element("li", {}, fmt::format("{} and {}: {}", runs[0].name, runs[i].name, what));
    }
    if (items.empty())
        return element("p", {{"class", "about"}},
                       "All were trained on the same frames and judged by the same protocol.");
    return element(
        "div", {{"class", "warning"}},
        element("b", {}, "Figures are comparable only as far as their protocols are the same. What differs:") +
            element("ul", {}, items));
}

Markup curves(const std::vector<RunRecord>& runs) {
    const auto chart = [&](Chart base, const Figure& figure) {
        for (std::size_t i = 0; i < runs.size(); ++i)
            base.series.push_back(
                curve(runs[i].name, static_cast<int>(i % series_colours), runs[i], figure, i >= series_colours));
        return line_chart(base);
    };
    const auto shown = [](double value) { return fmt::format("{:.1f}%", value); };
    Markup charts = chart({.title = "Validation mean IoU", .unit = "%", .value = shown, .most = 100},
                          [](const auto& e) { return 100 * val_mean_iou(e); });
    charts += chart({.title = "Validation pixel accuracy", .unit = "%", .value = shown, .most = 100},
                    [](const auto& e) { return 100 * val_pixel_accuracy(e); });
    charts += chart({.title = "Validation loss", .value = loss_text}, val_loss);
    charts += chart({.title = "Training loss", .value = loss_text}, [](const auto& e) { return e.train.loss; });
    charts +=
        chart({.title = "Learning rate", .value = shortest, .from_zero = true}, [](const auto& e) { return e.lr; });
    charts +=
        chart({.title = "Speed", .unit = "images/s", .value = [](double v) { return fixed(v, 1); }, .from_zero = true},
              [](const auto& e) { return e.images_per_second; });
    return element("div", {{"class", "charts"}}, charts);
}

Markup classes(const std::vector<RunRecord>& runs) {
    std::vector<std::string> names;
    std::vector<std::map<std::string, double>> ious;
    for (const RunRecord& run : runs) {
        ious.emplace_back();
        for (const ClassScores& c : best_scores(run).classes) {
            if (std::find(names.begin(), names.end(), c.name) == names.end()) names.push_back(c.name);
            ious.back()[c.name] = c.iou;
        }
    }
    Markup rows;
    for (const std::string& name : names) {
        std::vector<double> figures;
        for (const auto& of_run : ious) figures.push_back(of_run.contains(name) ? of_run.at(name) : none);
        rows += element("tr", {}, element("td", {{"class", "name"}}, name) + figure_cells(figures, share_text));
    }
    if (rows.empty()) return element("p", {{"class", "card note"}}, "None of the runs has validation figures.");
    return element("div", {{"class", "card scroll"}},
                   element("table", {},
                           element("thead", {}, element("tr", {}, element("th", {}, "Class") + run_heads(runs))) +
                               element("tbody", {}, rows)));
}

/// The options of which not all runs have the same value.
Markup options(const std::vector<RunRecord>& runs) {
    std::vector<std::map<std::string, std::string>> values;
    std::set<std::string> names;
    for (const RunRecord& run : runs) {
        values.emplace_back();
        for (const auto& [name, value] : flattened(run.config)) values.back()[name] = value, names.insert(name);
    }
    Markup rows;
    for (const std::string& name : names) {
        std::set<std::string> different;
        Markup cells;
        for (const auto& of_run : values) {
            const std::string value = of_run.contains(name) ? of_run.at(name) : dash;
            different.insert(value);
            cells += element("td", {{"class", "number"}}, element("code", {}, value));
        }
        if (different.size() > 1)
            rows += element("tr", {}, element("td", {{"class", "name"}}, element("code", {}, name)) + cells);
    }
    if (rows.empty()) return element("p", {{"class", "card note"}}, "All runs have the same configuration.");
    return element("div", {{"class", "card scroll"}},
                   element("table", {},
                           element("thead", {}, element("tr", {}, element("th", {}, "Option") + run_heads(runs))) +
                               element("tbody", {}, rows)));
}

}  // namespace

std::string comparison_page(const std::vector<RunRecord>& runs) {
    Markup body = element("header", {}, element("h1", {}, fmt::format("{} runs", runs.size())) + differences(runs));
    body += section("overview", "Best epochs", overview(runs));
    body += section("curves", "Curves", curves(runs));
    body += section("classes", "IoU of each class, best epochs", classes(runs));
    body += section("options", "What the configurations differ in", options(runs));
    for (const RunRecord& run : runs) {
        body += section("protocol-" + std::to_string(&run - runs.data() + 1), "Protocol of " + run.name,
                        protocol_card(protocol_of(run)));
    }
    return page(fmt::format("{} runs \u2013 Camber", runs.size()), body,
                std::any_of(runs.begin(), runs.end(), [](const RunRecord& run) { return run.running; }));
}

}  // namespace camber::report
