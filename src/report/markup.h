#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

/// HTML and SVG that is well formed however it was put together: what is text is escaped when it becomes markup, and
/// an element is made whole.
namespace camber::report {

class Markup {
  public:
    Markup() = default;
    /// Text as it stands, whatever it holds: escaped; characters that XML does not have are replaced.
    static Markup text(std::string_view text);
    /// What is markup already: constants of this room alone.
    static Markup raw(std::string_view markup);

    Markup& operator+=(const Markup& more) { return markup_ += more.markup_, *this; }
    friend Markup operator+(Markup a, const Markup& b) { return a += b; }
    const std::string& str() const { return markup_; }
    bool empty() const { return markup_.empty(); }

  private:
    std::string markup_;
};

/// Values are escaped.
using Attributes = std::initializer_list<std::pair<std::string_view, std::string>>;

/// <NAME ATTRIBUTES>INNER</NAME>
Markup element(std::string_view name, Attributes attributes, const Markup& inner);
Markup element(std::string_view name, Attributes attributes, std::string_view text);
/// <NAME ATTRIBUTES/>: of HTML's void elements and SVG's shapes.
Markup empty_element(std::string_view name, Attributes attributes);

}  // namespace camber::report
