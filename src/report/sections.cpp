#include "report/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/chart.h"
#include "report/confusion_chart.h"
#include "report/number_text.h"
#include "report/protocol.h"

namespace camber::report {
namespace {

using nlohmann::json;

Markup swatch(const std::string& colour) {
    return element("span", {{"class", "swatch"}, {"style", "background:" + colour}}, "");
}

std::string colour_of(const std::string& name, const std::vector<ClassLook>& looks) {
    const auto found =
        std::find_if(looks.begin(), looks.end(), [&](const ClassLook& look) { return look.name == name; });
    return found == looks.end() ? "#888888" : found->colour;
}

Markup number_cell(const std::string& text, const std::string& kind = "number") {
    return element("td", {{"class", kind}}, text);
}

/// A bar of a share, empty where it is undefined.
Markup bar(double share) {
    const double width = std::isfinite(share) ? 100 * std::clamp(share, 0.0, 1.0) : 0;
    return element("span", {{"class", "bar"}}, element("i", {{"style", fmt::format("width:{:.1f}%", width)}}, ""));
}

Markup table(const std::string& kind, const Markup& head, const Markup& body, const Markup& foot = {}) {
    Markup inner = element("thead", {}, element("tr", {}, head)) + element("tbody", {}, body);
    if (!foot.empty()) inner += element("tfoot", {}, element("tr", {}, foot));
    return element("table", {{"class", kind}}, inner);
}

Markup details(const std::string& heading, const std::string& note, const Markup& inner) {
    return element("details", {},
                   element("summary", {}, Markup::text(heading) + element("small", {}, note)) +
                       element("div", {{"class", "scroll"}}, inner));
}

/// An empty picture is left out, as of a file that was made by hand.
Markup panel(const std::string& what, const std::string& uri, const std::string& frame) {
    if (!uri.starts_with("data:image/")) return {};
    return element("figure", {},
                   empty_element("img", {{"src", uri}, {"alt", what + " of " + frame}, {"loading", "lazy"}}) +
                       element("figcaption", {}, what));
}

std::string rank_text(std::size_t rank, std::size_t count) {
    if (rank == 0) return "";
    const bool teen = rank / 10 % 10 == 1;
    const char* end = teen ? "th" : rank % 10 == 1 ? "st" : rank % 10 == 2 ? "nd" : rank % 10 == 3 ? "rd" : "th";
    return rank == 1 ? fmt::format("worst of {}", count) : fmt::format("{}{} worst of {}", rank, end, count);
}

}  // namespace

Markup tiles(const std::vector<Tile>& tiles) {
    Markup all;
    for (const Tile& tile : tiles) {
        all += element("div", {{"class", all.empty() ? "tile first" : "tile"}},
                       element("span", {}, tile.what) + element("b", {}, tile.value) + element("small", {}, tile.note));
    }
    return element("div", {{"class", "tiles"}}, all);
}

Markup protocol_card(const json& protocol) {
    Markup lines;
    for (const auto& [what, how] : protocol_lines(protocol)) lines += element("dt", {}, what) + element("dd", {}, how);
    if (lines.empty())
        return element("p", {{"class", "card note"}},
                       "Not known: the run's folder has no run.json, which runs of older versions do not write.");
    return element("div", {{"class", "card"}}, element("dl", {{"class", "pairs"}}, lines));
}

Markup class_table(const Scores& scores, const std::vector<ClassLook>& looks) {
    std::int64_t pixels = 0;
    for (const ClassScores& c : scores.classes) pixels += c.pixels;
    Markup rows;
    for (const ClassScores& c : scores.classes) {
        const double share = pixels > 0 ? static_cast<double>(c.pixels) / static_cast<double>(pixels) : none;
        const std::string said =
            fmt::format("{}: IoU {}, precision {}, recall {}, F1 {}, {} pixels", c.name, percent(c.iou, 2),
                        percent(c.precision, 2), percent(c.recall, 2), percent(c.f1, 2), grouped(c.pixels));
        rows += element("tr", {{"title", said}},
                        element("td", {{"class", "name"}}, swatch(colour_of(c.name, looks)) + Markup::text(c.name)) +
                            number_cell(fixed(100 * share, 2), "number share") +
                            element("td", {{"class", "wide"}}, bar(c.iou)) + number_cell(fixed(100 * c.iou, 1)) +
                            number_cell(fixed(100 * c.precision, 1)) + number_cell(fixed(100 * c.recall, 1)) +
                            number_cell(fixed(100 * c.f1, 1)));
    }
    const Markup head = element("th", {}, "Class") + element("th", {{"class", "number share"}}, "Share") +
                        element("th", {}, "") + element("th", {{"class", "number"}}, "IoU") +
                        element("th", {{"class", "number"}}, "Precision") +
                        element("th", {{"class", "number"}}, "Recall") + element("th", {{"class", "number"}}, "F1");
    const Markup foot = element("td", {}, "Mean") + number_cell("", "number share") +
                        element("td", {{"class", "wide"}}, bar(scores.mean_iou)) +
                        number_cell(fixed(100 * scores.mean_iou, 1)) + number_cell(fixed(100 * scores.precision, 1)) +
                        number_cell(fixed(100 * scores.recall, 1)) + number_cell(fixed(100 * scores.f1, 1));
    return element(
        "div", {{"class", "card"}},
        table("scores", head, rows, foot) +
            element(
                "p", {{"class", "note"}},
                fmt::format("In percent. {} is undefined: the class is neither in the truth nor predicted (IoU, F1), "
                            "never predicted (precision) or not in the truth (recall). Means are over the "
                            "classes that are in the truth or predicted, with 0 for an undefined precision "
                            "or recall.",
                            dash)));
}

Markup confusion_cards(const Judgement& judgement) {
    std::vector<std::string> names;
    for (const ClassScores& c : judgement.scores.classes) names.push_back(c.name);
    const Markup matrix =
        element("div", {{"class", "card"}},
                confusion_chart(judgement.confusion, names) +
                    element("p", {{"class", "note"}},
                            "Rows are the truth, columns what was predicted, in percent of the row. Blue "
                            "is right, orange wrong."));
    const Markup list = confusions_list(judgement.confusion, names);
    if (list.empty()) return matrix;
    return element("div", {{"class", "beside"}}, matrix + element("div", {{"class", "card"}}, list));
}

Markup frame_cards(const Judgement& judgement, const std::vector<ClassLook>& looks) {
    Markup colours;
    for (const ClassLook& look : looks) colours += element("span", {}, swatch(look.colour) + Markup::text(look.name));
    colours += element("span", {}, element("span", {{"class", "swatch mark"}}, "") + Markup::text("error: wrong"));
    colours += element("span", {}, element("span", {{"class", "swatch dim"}}, "") + Markup::text("error: void"));
    Markup cards;
    for (const ShownFrame& shown : judgement.shown) {
        const std::string& name = shown.frame.name;
        const std::string figures =
            fmt::format("mean IoU {}, pixel accuracy {}; {}", percent(shown.frame.mean_iou),
                        percent(shown.frame.pixel_accuracy), rank_text(shown.rank, judgement.frames.size()));
        cards +=
            element("article", {{"class", "card frame"}},
                    element("h3", {}, Markup::text(name) + element("span", {}, figures)) +
                        element("div", {{"class", "panels"}},
                                panel("input", shown.input, name) + panel("truth", shown.truth, name) +
                                    panel("prediction", shown.prediction, name) + panel("error", shown.error, name)));
    }
    std::vector<double> ious;
    for (const FrameRecord& frame : judgement.frames) ious.push_back(frame.mean_iou);
    return element("div", {{"class", "colours"}}, colours) +
           element("div", {{"class", "frames"}},
                   element("div", {{"class", "charts"}},
                           histogram("Frames by mean IoU", "mean IoU of the frame by itself", ious)) +
                       cards);
}

Markup layer_details(const json& layers) {
    if (!layers.is_object()) return {};
    Markup rows;
    for (const json& layer : layers.at("layers")) {
        std::string output;
        for (const json& extent : layer.at("output"))
            output += (output.empty() ? "" : " \u00d7 ") + fmt::format("{}", extent.get<std::int64_t>());
        rows += element("tr", {},
                        element("td", {}, layer.at("name").get<std::string>()) +
                            element("td", {}, layer.at("type").get<std::string>()) + number_cell(output) +
                            number_cell(grouped(layer.at("params").get<std::int64_t>())));
    }
    const Markup head = element("th", {}, "Layer") + element("th", {}, "Type") +
                        element("th", {{"class", "number"}}, "Output (height \u00d7 width \u00d7 channels)") +
                        element("th", {{"class", "number"}}, "Parameters");
    const std::string note =
        fmt::format("{}: {} layers, {} parameters, {} of them trainable", layers.at("model").get<std::string>(),
                    layers.at("layers").size(), grouped(layers.at("params").get<std::int64_t>()),
                    grouped(layers.at("trainable").get<std::int64_t>()));
    return details("Network", note, table("layers", head, rows));
}

std::vector<std::pair<std::string, std::string>> flattened(const json& object) {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& [name, value] : object.items()) {
        if (!value.empty() && (value.is_object() || (value.is_array() && value.front().is_object()))) {
            for (const auto& [inner, text] : flattened(value)) all.emplace_back(name + "." + inner, text);
        } else {
            all.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
        }
    }
    return all;
}

Markup json_details(const std::string& heading, const json& object) {
    Markup rows;
    for (const auto& [name, value] : flattened(object))
        rows += element("dt", {}, element("code", {}, name)) + element("dd", {}, element("code", {}, value));
    return details(heading, "config.json", element("dl", {{"class", "pairs"}}, rows));
}

}  // namespace camber::report
