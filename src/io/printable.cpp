#include "io/printable.h"

#include <nlohmann/json.hpp>

namespace camber {

std::string printable(std::string_view name) {
    using nlohmann::json;
    const std::string text = json(std::string(name.substr(0, 200))).dump(-1, ' ', true, json::error_handler_t::replace);
    return text.substr(1, text.size() - 2);
}

}  // namespace camber
