#include "report/page.h"

#include <fmt/format.h>

#include "report/style.h"

namespace camber::report {

std::string page(const std::string& title, const Markup& body, bool refresh) {
    Markup head = empty_element("meta", {{"charset", "utf-8"}});
    head += empty_element("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
    head += empty_element("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
    if (refresh)
        head += empty_element("meta", {{"http-equiv", "refresh"}, {"content", fmt::format("{}", refresh_seconds)}});
    head += element("title", {}, title) + element("style", {}, Markup::raw(style));
    const Markup footer = element("footer", {}, fmt::format("Camber {}", CAMBER_VERSION));
    const Markup html = element("html", {{"lang", "en"}},
                                element("head", {}, head) + element("body", {}, element("main", {}, body) + footer));
    return std::string(first_line) + html.str() + "\n";
}

Markup section(const std::string& id, const std::string& heading, const Markup& inner) {
    return element("section", {{"id", id}}, element("h2", {}, heading) + inner);
}

}  // namespace camber::report
