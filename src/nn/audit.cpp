#include <camber/error.h>
#include <camber/summary.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "io/text_file.h"
#include "nn/text.h"

namespace camber {
namespace {

std::vector<std::string> split(const std::string& text, const std::string& separator) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find(separator, begin)) != std::string::npos; begin = end + separator.size()) {
        parts.push_back(text.substr(begin, end - begin));
    }
    parts.push_back(text.substr(begin));
    return parts;
}

/// A count, with or without thousands separators.
std::optional<std::int64_t> count_of(std::string text) {
    std::erase(text, ',');
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// "256, 256, 64"
std::string output_text(const Shape& shape) {
    std::string text;
    for (int axis = 1; axis < shape.rank(); ++axis) text += (axis > 1 ? ", " : "") + std::to_string(shape[axis]);
    return text;
}

/// The row that "name[index][0]" stands for: the only one of that name, or the index-th of them.
std::optional<std::size_t> resolve(const std::string& connection, const std::vector<PublishedTable::Row>& rows) {
    const std::size_t open = connection.find('['), close = connection.find(']');
    if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
    const std::string name = connection.substr(0, open);
    const auto index = count_of(connection.substr(open + 1, close - open - 1));
    std::vector<std::size_t> named;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].name == name) named.push_back(i);
    }
    if (named.size() == 1) return named[0];
    if (!index || *index < 0 || static_cast<std::size_t>(*index) >= named.size()) return std::nullopt;
    return named[static_cast<std::size_t>(*index)];
}

/// Whether the published connections lead to the same rows as ours.
bool same_connections(const std::string& connections, const std::vector<std::size_t>& ours,
                      const std::vector<PublishedTable::Row>& rows) {
    if (connections == "-") return ours.empty();
    const std::vector<std::string> parts = split(connections, "; ");
    return std::equal(parts.begin(), parts.end(), ours.begin(), ours.end(),
                      [&rows](const std::string& part, std::size_t row) { return resolve(part, rows) == row; });
}

AuditRow compare(const LayerTable& table, std::size_t i, const PublishedTable& published) {
    const PublishedTable::Row& theirs = published.rows[i];
    AuditRow result{theirs.name, {}};
    if (i >= table.rows.size()) {
        result.differences.push_back("this network has no such row");
        return result;
    }
    const LayerRow& ours = table.rows[i];
    const auto differ = [&result](const char* column, const std::string& printed, const std::string& should_be) {
        result.differences.push_back(fmt::format("{}: printed {}, should be {}", column, printed, should_be));
    };
    if (theirs.type != ours.type) differ("type", theirs.type, ours.type);
    if (theirs.output != output_text(ours.output)) differ("output", theirs.output, output_text(ours.output));
    if (theirs.params != ours.params) {
        result.differences.push_back(
            fmt::format("params: printed {}; {}", thousands(theirs.params),
                        ours.arithmetic.empty() ? thousands(ours.params) + " here" : ours.arithmetic));
    }
    if (!same_connections(theirs.connections, ours.inputs, published.rows)) {
        const auto connections = table.connections(i);
        differ("connected to", theirs.connections,
               connections.empty() ? "-" : fmt::format("{}", fmt::join(connections, "; ")));
    }
    return result;
}

/// "2 statistics of 5,888 channels in 18 batch normalisations = 11,776"
std::string non_trainable_arithmetic(const LayerTable& table) {
    std::int64_t layers = 0, channels = 0, other = 0;
    for (const LayerRow& row : table.rows) {
        if (row.type == "BatchNormalization") {
            ++layers;
            channels += row.output.back();
        } else {
            other += row.params - row.trainable;
        }
    }
    std::string text = fmt::format("mean and variance of {} channels in {} batch normalisations: 2*{} = {}",
                                   thousands(channels), layers, channels, thousands(2 * channels));
    if (other) text += fmt::format(", and {} frozen elsewhere", thousands(other));
    return text;
}

std::vector<std::string> compare_totals(const LayerTable& table, const PublishedTable& published) {
    std::int64_t sum = 0;
    for (const auto& row : published.rows) sum += row.params;
    std::vector<std::string> lines;
    lines.push_back(
        fmt::format("printed rows sum to {}, this network's to {}", thousands(sum), thousands(table.params)));
    const auto is = [](bool holds) { return holds ? "is" : "is not"; };
    if (published.total) {
        lines.push_back(fmt::format("printed total {} {} the printed rows' sum and {} this network's",
                                    thousands(*published.total), is(*published.total == sum),
                                    is(*published.total == table.params)));
    }
    if (published.total && published.trainable && published.non_trainable) {
        const std::int64_t parts = *published.trainable + *published.non_trainable;
        lines.push_back(fmt::format("printed {} trainable + {} non-trainable = {}, which {} the printed total",
                                    thousands(*published.trainable), thousands(*published.non_trainable),
                                    thousands(parts), is(parts == *published.total)));
    }
    if (published.non_trainable) {
        lines.push_back(fmt::format("printed non-trainable {} {} this network's", thousands(*published.non_trainable),
                                    is(*published.non_trainable == table.non_trainable())));
    }
    lines.push_back("non-trainable here: " + non_trainable_arithmetic(table));
    return lines;
}

}  // namespace

PublishedTable read_published_table(const std::filesystem::path& file) {
    constexpr std::uint64_t most_bytes = 16 << 20;
    const std::string text = read_text(file, most_bytes);
    PublishedTable table;
    bool header = true;
    int number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const std::string line(take_line(rest));
        ++number;
        if (line.empty()) continue;
        if (line.front() == '#') {
            std::istringstream words(line.substr(1));
            std::string key, value;
            words >> key >> value;
            if (key == "total") table.total = count_of(value);
            if (key == "trainable") table.trainable = count_of(value);
            if (key == "non_trainable") table.non_trainable = count_of(value);
            continue;
        }
        if (std::exchange(header, false)) continue;
        const std::vector<std::string> cells = split(line, "\t");
        const auto params = cells.size() == 5 ? count_of(cells[3]) : std::nullopt;
        if (!params) {
            fail("{}:{}: expected layer, type, output, params (a number) and connections, separated by tabs",
                 file.string(), number);
        }
        table.rows.push_back({cells[0], cells[1], cells[2], cells[4], *params});
    }
    if (table.rows.empty()) fail("{}: no rows of a layer table", file.string());
    return table;
}

Audit audit(const LayerTable& table, const PublishedTable& published) {
    Audit result;
    for (std::size_t i = 0; i < published.rows.size(); ++i) {
        result.rows.push_back(compare(table, i, published));
        if (result.rows.back().agrees()) ++result.agreeing;
    }
    if (table.rows.size() > published.rows.size()) {
        result.totals.push_back(
            fmt::format("this network has {} rows, the published table {}", table.rows.size(), published.rows.size()));
    }
    const auto totals = compare_totals(table, published);
    result.totals.insert(result.totals.end(), totals.begin(), totals.end());
    return result;
}

std::string audit_text(const Audit& audit) {
    std::string text;
    for (std::size_t i = 0; i < audit.rows.size(); ++i) {
        const AuditRow& row = audit.rows[i];
        text += one_line(fmt::format("{:3}  {:24} {}", i + 1, row.name,
                                     row.agrees() ? "agrees" : fmt::format("{}", fmt::join(row.differences, "; ")))) +
                "\n";
    }
    text += fmt::format("{} of {} rows agree\n", audit.agreeing, audit.rows.size());
    for (const std::string& line : audit.totals) text += line + "\n";
    return text;
}

}  // namespace camber
