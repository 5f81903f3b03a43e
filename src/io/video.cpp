#include "io/video.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "core/lower.h"

namespace camber {

bool is_video(const std::filesystem::path& file) {
    constexpr std::array<std::string_view, 13> endings = {".mp4", ".m4v", ".mov",  ".mkv", ".webm", ".avi", ".mpg",
                                                          ".ts",  ".mts", ".mpeg", ".wmv", ".flv",  ".ogv"};
    return std::find(endings.begin(), endings.end(), lower(file.extension().string())) != endings.end();
}

}  // namespace camber
