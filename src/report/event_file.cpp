#include "report/event_file.h"

#include <camber/error.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>

#include "io/crc.h"

namespace camber::report {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "events.out.tfevents.";

// Of an Event: time and step, and what it is of.
constexpr int version_field = 3, summary_field = 5, session_field = 7;

Message event(double time, std::int64_t step) {
    return Message().real(1, time).integer(2, static_cast<std::uint64_t>(step));
}

/// A CRC of bytes that hold CRCs is to be told from theirs (tensorflow/core/lib/hash/crc32c.h).
std::uint32_t masked_crc(const void* data, std::size_t bytes) {
    return std::rotr(crc32c(data, bytes), 15) + 0xA282EAD8u;
}

void add_record(std::string& to, const Message& event) {
    const std::string& bytes = event.bytes();
    const auto add = [&](auto number) { to.append(reinterpret_cast<const char*>(&number), sizeof number); };
    const std::uint64_t length = bytes.size();
    add(length);
    add(masked_crc(&length, sizeof length));
    to += bytes;
    add(masked_crc(bytes.data(), bytes.size()));
}

/// The files of events in a folder; none where it is not there.
std::vector<std::string> files_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored)) {
        std::string name = it->path().filename().string();
        if (name.starts_with(prefix)) names.push_back(std::move(name));
    }
    return names;
}

std::string host_name() {
    char name[256] = {};
    if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
    return name;
}

}  // namespace

bool EventFile::any_in(const fs::path& folder) { return !files_in(folder).empty(); }

EventFile::EventFile(const fs::path& folder, double time, std::optional<std::int64_t> first_step) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail("{}: cannot be made: {}", folder.string(), error_text(error.value()));
    auto second = static_cast<std::int64_t>(time);
    for (const std::string& name : files_in(folder)) {
        std::int64_t other = 0;
        std::from_chars(name.data() + prefix.size(), name.data() + name.size(), other);
        second = std::max(second, other + 1);  // two sessions in one second, or a clock that was put back
    }
    path_ = folder / fmt::format("{}{:010}.{}.{}.0", prefix, second, host_name(), getpid());
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor_ < 0) fail("cannot write {}: {}", path_.string(), error_text(errno));
    std::string records;
    add_record(records, event(time, first_step.value_or(0)).text(version_field, "brain.Event:2"));
    constexpr std::uint64_t start = 1;
    if (first_step) add_record(records, event(time, *first_step).message(session_field, Message().integer(1, start)));
    try {
        write(records);
    } catch (...) {  // nothing destroys what was not made
        close(descriptor_);
        throw;
    }
}

EventFile::~EventFile() {
    if (descriptor_ >= 0) close(descriptor_);
}

void EventFile::append(const EventSummary& summary, std::int64_t step, double time) {
    if (summary.empty()) return;
    std::string record;
    add_record(record, event(time, step).message(summary_field, summary.message()));
    const std::lock_guard lock(mutex_);
    write(record);
}

void EventFile::write(const std::string& records) {
    struct stat before {};
    if (fstat(descriptor_, &before) != 0) fail("cannot write {}: {}", path_.string(), error_text(errno));
    for (std::size_t done = 0; done < records.size();) {
        const ssize_t written = ::write(descriptor_, records.data() + done, records.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            const int error = written < 0 ? errno : ENOSPC;
            // Behind a record cut short nothing would be read.
            [[maybe_unused]] const int cut = ftruncate(descriptor_, before.st_size);
            fail("cannot write {}: {}", path_.string(), error_text(error));
        }
        done += static_cast<std::size_t>(written);
    }
}

}  // namespace camber::report
