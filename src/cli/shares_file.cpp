#include "cli/shares_file.h"

#include <fmt/format.h>

#include "io/csv_cell.h"

namespace camber::cli {

void SharesFile::add(const std::string& picture, const std::vector<double>& shares,
                     const std::vector<std::string>& classes) {
    std::string line;
    if (!has_header_) {
        line = "picture";
        for (const std::string& name : classes) line += "," + csv_cell(name);
        line += "\n";
        has_header_ = true;
    }
    line += csv_cell(picture);
    for (const double share : shares) line += fmt::format(",{:.6f}", share);
    file_.write(line + "\n");
}

}  // namespace camber::cli
