#include "report/markup.h"

#include <camber/error.h>

namespace camber::report {
namespace {

/// Printable UTF-8: one_line() has made the rest visible, but for line ends and tabs, which mean the same in HTML.
std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            case '\'':
                result += "&#39;";
                break;
            default:
                result += c;
        }
    }
    return result;
}

std::string opening(std::string_view name, Attributes attributes) {
    std::string result = "<" + std::string(name);
    for (const auto& [key, value] : attributes) result += " " + std::string(key) + "=\"" + escaped(value) + "\"";
    return result;
}

}  // namespace

Markup Markup::text(std::string_view text) {
    Markup result;
    result.markup_ = escaped(one_line(text));
    return result;
}

Markup Markup::raw(std::string_view markup) {
    Markup result;
    result.markup_ = markup;
    return result;
}

Markup element(std::string_view name, Attributes attributes, const Markup& inner) {
    return Markup::raw(opening(name, attributes) + ">" + inner.str() + "</" + std::string(name) + ">");
}

Markup element(std::string_view name, Attributes attributes, std::string_view text) {
    return element(name, attributes, Markup::text(text));
}

Markup empty_element(std::string_view name, Attributes attributes) {
    return Markup::raw(opening(name, attributes) + "/>");
}

}  // namespace camber::report
