#include "io/text_file.h"

#include <camber/error.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "io/input_file.h"
#include "io/printable.h"

namespace camber {
namespace {

using nlohmann::json;

/// "FILE line 3" where the text has several lines.
std::string place(std::string_view text, std::size_t at, const std::string& source) {
    at = std::min(at, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    const bool several = text.substr(0, std::min(text.find_last_not_of('\n'), text.size())).find('\n') != text.npos;
    return several ? fmt::format("{} line {}", source, line) : source;
}

/// Finds what parse_json() refuses, without building anything.
class Checker : public nlohmann::json_sax<json> {
  public:
    explicit Checker(const JsonLimits& limits) : limits_(limits) {}

    /// Why the text is refused, and the byte up to which it was read where it is no JSON; empty for a good one.
    std::string wrong;
    std::size_t no_json_from = 0;

    bool null() override { return count(); }
    bool boolean(bool) override { return count(); }
    bool number_integer(number_integer_t) override { return count(); }
    bool number_unsigned(number_unsigned_t) override { return count(); }
    bool number_float(number_float_t, const string_t&) override { return count(); }
    bool string(string_t&) override { return count(); }
    bool binary(binary_t&) override { return count(); }
    bool start_object(std::size_t) override { return begin(); }
    bool start_array(std::size_t) override { return begin(); }
    bool end_object() override { return end(); }
    bool end_array() override { return end(); }
    bool key(string_t& name) override {
        levels_.back().elements = 0;  // of objects, keys are what there can be many of
        if (levels_.back().keys.insert(name).second) return true;
        return refuse(fmt::format("has '{}' twice", printable(name)));
    }
    bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
        no_json_from = position;
        return refuse(fmt::format("no JSON from byte {} on", position));
    }

  private:
    struct Level {
        std::size_t elements = 0;
        std::unordered_set<std::string> keys;
    };

    bool refuse(std::string why) {
        wrong = std::move(why);
        return false;
    }
    bool count() {
        if (levels_.empty() || ++levels_.back().elements <= limits_.list) return true;
        return refuse(fmt::format("has a list of more than {} elements", limits_.list));
    }
    bool begin() {
        if (!count()) return false;
        if (levels_.size() == static_cast<std::size_t>(limits_.depth)) return refuse("is nested too deeply");
        levels_.emplace_back();
        return true;
    }
    bool end() {
        levels_.pop_back();
        return true;
    }

    const JsonLimits limits_;
    std::vector<Level> levels_;
};

}  // namespace

std::string read_text(const std::filesystem::path& file, std::uint64_t most) {
    std::string text = read_file(file, most);
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        fail("{}: is UTF-16; save it as UTF-8", file.string());
    if (const std::size_t zero = text.find('\0'); zero != std::string::npos)
        fail("{}: holds a zero byte, which no text has; is it UTF-16? Save it as UTF-8",
             place(text, zero, file.string()));
    if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
    return text;
}

std::string_view take_line(std::string_view& rest) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    const bool two = rest.substr(end).starts_with("\r\n");
    rest.remove_prefix(std::min(end + (two ? 2 : 1), rest.size()));
    return line;
}

json parse_json(std::string_view text, const std::string& source, std::string_view what, const JsonLimits& limits) {
    if (text.find_first_not_of(" \t\r\n") == text.npos) fail("{}: is empty, not {}", source, what);
    // nlohmann's reader takes a zero for the end of the text, whatever follows.
    if (const std::size_t zero = text.find('\0'); zero != text.npos)
        fail("{}: not {}: it holds a zero byte", place(text, zero, source), what);
    Checker checker(limits);
    json::sax_parse(text, &checker);
    if (checker.no_json_from > 0)
        fail("{}: not {}: {}", place(text, checker.no_json_from, source), what, checker.wrong);
    if (!checker.wrong.empty()) fail("{}: not {}: it {}", source, what, checker.wrong);
    return json::parse(text);
}

std::string shown(const json& value) {
    constexpr std::size_t most = 100;
    std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() <= most) return text;
    std::size_t end = most;
    while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not within a character
    return text.substr(0, end) + "...";
}

}  // namespace camber
