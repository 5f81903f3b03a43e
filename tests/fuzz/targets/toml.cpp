#include <camber/error.h>

#include <cstdint>
#include <string_view>

#include "io/toml_file.h"

// A TOML text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        camber::parse_toml({reinterpret_cast<const char*>(data), size}, "file.toml")
            .json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    } catch (const camber::Error& error) {
        if (camber::one_line(error.what()).empty()) __builtin_trap();
    }
    return 0;
}
