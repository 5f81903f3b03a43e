#include "data/list_file.h"

#include <algorithm>

#include "data/picture_index.h"
#include "io/text_file.h"

namespace camber {
namespace {

constexpr std::string_view blanks = " \t", marks = ",;|";

bool is_picture_name(const std::string& word) { return is_picture(word); }

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Every way to make two of `words` joined by blanks, each to the end of a picture's name where there are such.
void add_pairs(const std::vector<std::string>& words, std::vector<ListReading>& readings) {
    constexpr std::size_t most_words = 32;
    const bool named = std::any_of(words.begin(), words.end(), is_picture_name);
    for (std::size_t cut = 1; cut < std::min(words.size(), most_words); ++cut) {
        if (named && !(is_picture_name(words[cut - 1]) && is_picture_name(words.back()))) continue;
        std::vector<std::string> pair(2);
        for (std::size_t i = 0; i < words.size(); ++i) {
            std::string& side = pair[i < cut ? 0 : 1];
            side += (side.empty() ? "" : " ") + words[i];
        }
        readings.push_back({std::move(pair), true});
    }
}

std::vector<ListReading> readings_of(std::string_view line) {
    std::vector<ListReading> readings;
    const auto add = [&](std::vector<std::string> fields, bool joined = false) {
        const auto same = [&](const ListReading& reading) { return reading.fields == fields; };
        if (!fields.empty() && std::none_of(readings.begin(), readings.end(), same))
            readings.push_back({std::move(fields), joined});
    };
    const bool quoted = line.find_first_of("\"'") != line.npos;
    if (line.find('\t') != line.npos) add(split_fields(line, "\t"));
    std::vector<std::string> words = split_fields(line, blanks);
    for (std::string& word : words)
        if (words.size() > 1 && word.size() > 1 && word.ends_with(',')) word.pop_back();
    add(words);
    for (const char mark : marks)
        if (line.find(mark) != line.npos) add(split_fields(line, {&mark, 1}));
    if (words.size() > 2 && !quoted) add_pairs(words, readings);
    if (words.size() > 1 && std::none_of(words.begin(), words.end() - 1, is_picture_name))
        add({std::string(trimmed(line))}, true);
    return readings;
}

}  // namespace

bool holds_two_names(std::string_view field) {
    const std::vector<std::string> words = split_fields(field, " \t,;|");
    return words.size() > 1 && std::any_of(words.begin(), words.end() - 1, is_picture_name);
}

std::vector<std::string> split_fields(std::string_view line, std::string_view separators) {
    // A blank never makes an empty field; a comma does.
    const bool merges = separators.find(' ') != separators.npos;
    std::vector<std::string> fields;
    std::string field;
    bool was_quoted = false;
    const auto end = [&] {
        const std::string_view text = was_quoted ? std::string_view(field) : trimmed(field);
        if (!text.empty() || was_quoted || !merges) fields.emplace_back(text);
        field.clear();
        was_quoted = false;
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        const std::size_t close = c == '"' || c == '\'' ? line.find(c, i + 1) : line.npos;
        if (close != line.npos && trimmed(field).empty() && !was_quoted) {
            field = line.substr(i + 1, close - i - 1);
            was_quoted = true;
            i = close;
            // "a ""b"" c", as CSV writes a quote within quotes.
            for (std::size_t end;
                 c == '"' && i + 1 < line.size() && line[i + 1] == c && (end = line.find(c, i + 2)) != line.npos;
                 i = end)
                field += line.substr(i + 1, end - i - 1);
        } else if (separators.find(c) != separators.npos) {
            end();
        } else if (!was_quoted || blanks.find(c) == blanks.npos) {
            field += c;
        }
    }
    end();
    return fields;
}

std::vector<ListLine> read_list(const std::filesystem::path& list) {
    constexpr std::uint64_t most_bytes = 256 << 20;
    const std::string text = read_text(list, most_bytes);
    std::vector<ListLine> lines;
    int number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        std::string line(trimmed(take_line(rest)));
        ++number;
        if (line.empty() || line.starts_with('#')) continue;
        std::replace(line.begin(), line.end(), '\\', '/');
        const bool has_comment = line.find(" #") != line.npos || line.find("\t#") != line.npos;
        lines.push_back({number, readings_of(line), has_comment});
    }
    return lines;
}

}  // namespace camber
