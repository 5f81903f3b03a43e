#include "cli/output_file.h"

#include <camber/error.h>

#include <filesystem>

namespace camber::cli {

void refuse_to_replace(const std::string& read, const std::string& out) {
    std::error_code error;
    if (read.empty() || !std::filesystem::equivalent(read, out, error)) return;
    const std::string what = read == out ? out : out + ", which is " + read + ",";
    fail_usage("{} is itself what is read: writing there would destroy it; give --out another name", what);
}

}  // namespace camber::cli
