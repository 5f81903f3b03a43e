#pragma once
#include <string>
#include <vector>

#include "report/markup.h"
#include "report/run_record.h"

/// What several pages have.
namespace camber::report {

struct Tile {
    std::string what, value, note;
};
/// Figures at a glance; the first is the one that counts.
Markup tiles(const std::vector<Tile>& tiles);

/// By what the page's figures were measured.
Markup protocol_card(const nlohmann::json& protocol);

/// A row a class: share of the truth, IoU as a bar, precision, recall, F1; their means.
Markup class_table(const Scores& scores, const std::vector<ClassLook>& looks);

/// The matrix, and what is most often mistaken. `names` of the classes.
Markup confusion_cards(const Judgement& judgement);

/// Input, truth, prediction and error of some frames, the worst first, and how good all are.
Markup frame_cards(const Judgement& judgement, const std::vector<ClassLook>& looks);

/// Collapsed: a network's layers, of table_json(); any JSON object as a list of names and values.
Markup layer_details(const nlohmann::json& table);
Markup json_details(const std::string& heading, const nlohmann::json& object);

/// ("schedule.kind", "one_cycle") for each value of an object and of those in it.
std::vector<std::pair<std::string, std::string>> flattened(const nlohmann::json& object);

}  // namespace camber::report
