#include "cli/shares_file.h"

#include <camber/error.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/atomic_file.h"
#include "io/csv_cell.h"
#include "io/input_file.h"

namespace camber::cli {
namespace {

using json = nlohmann::ordered_json;

/// What csv_cell() made the first cell of a line from.
std::string first_cell(const std::string& line) {
    if (!line.starts_with('"')) return line.substr(0, line.find(','));
    std::string text;
    for (std::size_t i = 1; i < line.size(); ++i) {
        if (line[i] == '"' && (++i == line.size() || line[i] != '"')) break;
        text += line[i];
    }
    return text;
}

/// Where the line of CSV that begins at `begin` ends, past its newline; a quoted cell may hold such. npos: nowhere.
std::size_t end_of_line(const std::string& text, std::size_t begin) {
    bool quoted = false;
    for (std::size_t i = begin; i < text.size(); ++i) {
        if (text[i] == '"') quoted = !quoted;
        if (text[i] == '\n' && !quoted) return i + 1;
    }
    return std::string::npos;
}

/// Whether a file is what a command wrote before; an empty one is nobody's.
bool is_shares_table(const std::filesystem::path& file, bool is_json) {
    std::ifstream stream(file);
    std::string line;
    if (!std::getline(stream, line)) return std::filesystem::file_size(file) == 0;
    if (!is_json) return line.starts_with("picture,");
    const json parsed = json::parse(line, nullptr, false);
    return parsed.is_object() && parsed.contains("picture") && parsed.contains("shares");
}

}  // namespace

SharesFile::SharesFile(std::filesystem::path file, std::vector<std::string> classes, bool goes_on)
    : file_(std::move(file)), classes_(std::move(classes)), json_(file_.extension() == ".jsonl") {
    if (!json_ && file_.extension() != ".csv")
        fail_usage("--shares {}: it gets a line as each picture is done: call it .jsonl (JSON Lines) or .csv",
                   file_.string());
    if (!std::filesystem::exists(file_)) return;
    if (goes_on)
        read();
    else if (!is_shares_table(file_, json_))
        fail_usage("--shares {}: exists, and is no table of shares; give it another name", file_.string());
}

SharesFile::~SharesFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void SharesFile::read() {
    constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30;
    const std::string text = read_file(file_, most_bytes);
    const auto fail_foreign = [&] {
        fail_usage("--shares {}: is no table of these classes that --continue could go on with; give it another name",
                   file_.string());
    };
    for (std::size_t begin = 0, end; (end = end_of_line(text, begin)) != std::string::npos; begin = end) {
        const std::string line = text.substr(begin, end - begin);
        whole_ = end;
        if (!json_) {
            if (begin == 0 && line != header()) fail_foreign();
            if (begin > 0) pictures_.insert(first_cell(line));
            continue;
        }
        const json parsed = json::parse(line, nullptr, false);
        if (!parsed.is_object() || !parsed.contains("picture") || !parsed.at("picture").is_string() ||
            !parsed.contains("shares") || parsed.at("shares").size() != classes_.size())
            fail_foreign();
        for (const std::string& name : classes_)
            if (!parsed.at("shares").contains(name)) fail_foreign();
        pictures_.insert(parsed.at("picture").get<std::string>());
    }
}

std::string SharesFile::header() const {
    if (json_) return {};
    std::string line = "picture";
    for (const std::string& name : classes_) line += "," + csv_cell(name);
    return line + "\n";
}

std::string SharesFile::line(const std::string& picture, const std::vector<double>& shares) const {
    if (json_) {
        json all = json::object();
        for (std::size_t i = 0; i < shares.size(); ++i) all[classes_[i]] = shares[i];
        const json entry = {{"picture", picture}, {"shares", std::move(all)}};
        return entry.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    }
    std::string line = csv_cell(picture);
    for (const double share : shares) line += fmt::format(",{:.6f}", share);
    return line + "\n";
}

void SharesFile::open() {
    const auto take = [&](int flags) {
        descriptor_ = ::open(file_.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666);
        if (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0)
            fail("{}: another process writes it; give each part a file of its own", file_.string());
    };
    take(O_WRONLY | O_APPEND);
    if (whole_ == 0) {  // anew, in place of what is there
        write_file_atomically(file_, header());
        if (descriptor_ >= 0) ::close(descriptor_);
        take(O_WRONLY | O_APPEND);
        whole_ = header().size();
    }
    if (descriptor_ < 0 || ::ftruncate(descriptor_, static_cast<off_t>(whole_)) != 0)
        fail("cannot write {}: {}", file_.string(), error_text(errno));
}

void SharesFile::add(const std::string& picture, const std::vector<double>& shares) {
    if (pictures_.contains(picture)) return;
    if (descriptor_ < 0) open();
    const std::string text = line(picture, shares);
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written == static_cast<ssize_t>(text.size())) {
        whole_ += text.size();
        return;
    }
    const int error = written < 0 ? errno : ENOSPC;
    if (written > 0 && ::ftruncate(descriptor_, static_cast<off_t>(whole_)) != 0)
        fail("{}: its last line is not whole: {}", file_.string(), error_text(errno));
    fail("cannot write {}: {}", file_.string(), error_text(error));
}

}  // namespace camber::cli
