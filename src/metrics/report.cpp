#include <camber/error.h>
#include <camber/metrics.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace camber {
namespace {

void check_names(const ConfusionMatrix& matrix, const std::vector<std::string>& names) {
    if (names.size() != static_cast<std::size_t>(matrix.classes())) {
        fail("{} class names were given for a confusion matrix of {} classes", names.size(), matrix.classes());
    }
}

std::string percent(double share) { return std::isnan(share) ? "-" : fmt::format("{:.2f}", 100 * share); }

/// Columns a name takes on a terminal: its characters, not its bytes.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string format_table(const ConfusionMatrix& m, const std::vector<std::string>& given_names) {
    check_names(m, given_names);
    std::vector<std::string> names;
    for (const std::string& name : given_names) names.push_back(one_line(name));
    std::size_t columns = std::string("mean").size();
    for (const std::string& name : names) columns = std::max(columns, width(name));
    const auto row = [&](const std::string& label, const std::string& share, const std::string& iou,
                         const std::string& precision, const std::string& recall, const std::string& f1) {
        return fmt::format("{}{}  {:>8}  {:>7}  {:>9}  {:>7}  {:>7}\n", label, std::string(columns - width(label), ' '),
                           share, iou, precision, recall, f1);
    };
    const auto total = static_cast<double>(m.total());
    std::string table = row("", "% pixels", "IoU", "precision", "recall", "F1");
    for (int c = 0; c < m.classes(); ++c) {
        table += row(names[static_cast<std::size_t>(c)], percent(static_cast<double>(m.truth_pixels(c)) / total),
                     percent(m.iou(c)), percent(m.precision(c)), percent(m.recall(c)), percent(m.f1(c)));
    }
    table += row("mean", "", percent(m.mean_iou()), percent(m.macro_precision()), percent(m.macro_recall()),
                 percent(m.macro_f1()));
    return table + fmt::format("pixel accuracy {} %, mean accuracy {} %\n", percent(m.pixel_accuracy()),
                               percent(m.mean_accuracy()));
}

nlohmann::json metrics_json(const ConfusionMatrix& m, const std::vector<std::string>& names) {
    using nlohmann::json;
    check_names(m, names);
    const auto number = [](double x) { return std::isnan(x) ? json() : json(x); };
    json classes = json::array(), confusion = json::array();
    for (int c = 0; c < m.classes(); ++c) {
        classes.push_back({{"name", names[static_cast<std::size_t>(c)]},
                           {"pixels", m.truth_pixels(c)},
                           {"iou", number(m.iou(c))},
                           {"precision", number(m.precision(c))},
                           {"recall", number(m.recall(c))},
                           {"f1", number(m.f1(c))}});
        json row = json::array();
        for (int p = 0; p < m.classes(); ++p) row.push_back(m.count(c, p));
        confusion.push_back(std::move(row));
    }
    return {{"pixels", m.total()},
            {"pixel_accuracy", number(m.pixel_accuracy())},
            {"mean_iou", number(m.mean_iou())},
            {"mean_accuracy", number(m.mean_accuracy())},
            {"precision", number(m.macro_precision())},
            {"recall", number(m.macro_recall())},
            {"f1", number(m.macro_f1())},
            {"classes", std::move(classes)},
            {"confusion", std::move(confusion)}};
}

}  // namespace camber
