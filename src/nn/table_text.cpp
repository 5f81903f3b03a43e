#include <camber/error.h>
#include <camber/summary.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "nn/text.h"

namespace camber {
namespace {

/// Keras's columns at line_length 120: widths of the text, without the space on either side.
constexpr std::size_t columns = 4;
constexpr std::array<std::size_t, columns> column_width = {33, 28, 17, 29};
constexpr std::size_t right_aligned = 2;

using Cells = std::array<std::string, columns>;

/// Breaks at spaces into lines of at most `width` characters; longer words are cut.
std::vector<std::string> wrap(std::string_view text, std::size_t width) {
    std::vector<std::string> lines(1);
    while (!text.empty()) {
        const std::size_t space = std::min(text.find(' '), text.size());
        std::string_view word = text.substr(0, space);
        text.remove_prefix(std::min(space + 1, text.size()));
        const std::size_t needed = lines.back().size() + (lines.back().empty() ? 0 : 1) + word.size();
        if (needed <= width) {
            if (!lines.back().empty()) lines.back() += ' ';
        } else {
            if (!lines.back().empty()) lines.emplace_back();
            for (; word.size() > width; word.remove_prefix(width)) {
                lines.back() = word.substr(0, width);
                lines.emplace_back();
            }
        }
        lines.back() += word;
    }
    return lines;
}

/// A horizontal rule: `line` between `left`, `cross` and `right`.
std::string rule(const char* left, const char* line, const char* cross, const char* right) {
    std::string text = left;
    for (std::size_t column = 0; column < columns; ++column) {
        for (std::size_t i = 0; i < column_width[column] + 2; ++i) text += line;
        text += column + 1 < columns ? cross : right;
    }
    return text + "\n";
}

/// The lines of one row of cells between `bar`s.
std::string cells(const Cells& row, const char* bar) {
    std::array<std::vector<std::string>, columns> wrapped;
    std::size_t height = 0;
    for (std::size_t column = 0; column < columns; ++column) {
        wrapped[column] = wrap(row[column], column_width[column]);
        height = std::max(height, wrapped[column].size());
    }
    std::string text;
    for (std::size_t line = 0; line < height; ++line) {
        for (std::size_t column = 0; column < columns; ++column) {
            const std::string part = line < wrapped[column].size() ? wrapped[column][line] : std::string();
            const std::string space(column_width[column] - part.size(), ' ');
            text += bar;
            text += " " + (column == right_aligned ? space + part : part + space) + " ";
        }
        text += bar;
        text += "\n";
    }
    return text;
}

/// "(None, 256, 256, 64)"
std::string shape_text(const Shape& shape) {
    std::string text = "(None";
    for (int axis = 1; axis < shape.rank(); ++axis) text += ", " + std::to_string(shape[axis]);
    return text + ")";
}

std::string joined(const std::vector<std::string>& connections) {
    return connections.empty() ? "-" : fmt::format("{}", fmt::join(connections, ", "));
}

/// "31,055,427 (118.47 MB)", f32.
std::string count_text(std::int64_t params) {
    auto size = static_cast<double>(params) * 4;
    constexpr std::array<const char*, 5> units = {"B", "KB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
    return fmt::format("{} ({:.2f} {})", thousands(params), size, units[unit]);
}

}  // namespace

std::string keras_text(const LayerTable& table) {
    std::string text = fmt::format("Model: \"{}\"\n", table.model);
    text += rule("┏", "━", "┳", "┓");
    text += cells({"Layer (type)", "Output Shape", "Param #", "Connected to"}, "┃");
    text += rule("┡", "━", "╇", "┩");
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
        const LayerRow& row = table.rows[i];
        if (i > 0) text += rule("├", "─", "┼", "┤");
        text += cells({row.name + " (" + row.type + ")", shape_text(row.output), thousands(row.params),
                       joined(table.connections(i))},
                      "│");
    }
    text += rule("└", "─", "┴", "┘");
    text += fmt::format(" Total params: {}\n Trainable params: {}\n Non-trainable params: {}\n",
                        count_text(table.params), count_text(table.trainable), count_text(table.non_trainable()));
    return text;
}

std::string markdown_text(const LayerTable& table) {
    std::string text = "| layer | type | output | parameters | connected to | module |\n";
    text += "| --- | --- | --- | ---: | --- | --- |\n";
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
        const LayerRow& row = table.rows[i];
        text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", row.name, row.type, shape_text(row.output),
                            thousands(row.params), joined(table.connections(i)), row.path);
    }
    text += fmt::format("\n{} parameters: {} trainable, {} not.\n", thousands(table.params), thousands(table.trainable),
                        thousands(table.non_trainable()));
    return text;
}

nlohmann::json table_json(const LayerTable& table) {
    nlohmann::json layers = nlohmann::json::array();
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
        const LayerRow& row = table.rows[i];
        nlohmann::json output = nlohmann::json::array();
        for (int axis = 1; axis < row.output.rank(); ++axis) output.push_back(row.output[axis]);
        layers.push_back({{"name", row.name},
                          {"type", row.type},
                          {"module", row.path},
                          {"output", std::move(output)},
                          {"params", row.params},
                          {"trainable", row.trainable},
                          {"connected_to", table.connections(i)}});
    }
    return {{"model", table.model},
            {"layers", std::move(layers)},
            {"params", table.params},
            {"trainable", table.trainable},
            {"non_trainable", table.non_trainable()}};
}

}  // namespace camber
