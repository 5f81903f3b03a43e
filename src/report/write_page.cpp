#include <camber/error.h>

#include <fstream>

#include "io/atomic_file.h"
#include "report/page.h"
#include "report/report.h"
#include "report/run_files.h"

namespace camber::report {
namespace {

bool is_page(const std::filesystem::path& file) {
    std::string begin(first_line.size(), '\0');
    std::ifstream in(file, std::ios::binary);
    return in.read(begin.data(), static_cast<std::streamsize>(begin.size())) && begin == first_line;
}

}  // namespace

void write_page(const std::filesystem::path& file, const std::string& page) {
    if (file.extension() != ".html") fail_usage("{}: give the page a name that ends in .html", file.string());
    std::error_code error;
    if (std::filesystem::exists(std::filesystem::symlink_status(file, error)) && !is_page(file))
        fail("{}: exists, and is no report: choose another name, or remove it first", file.string());
    write_file_atomically(file, page);
}

void write_run_report(const std::filesystem::path& folder) {
    write_page(RunFiles(folder).report(), run_page(read_run(folder)));
}

}  // namespace camber::report
