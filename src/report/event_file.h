#pragma once
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "report/event_summary.h"

namespace camber::report {

/// A file of events as TensorBoard reads it: records of TensorFlow's format TFRecord (length, masked CRC-32C of it,
/// bytes, masked CRC-32C of them), each an `Event` (compat/proto/event.proto). It grows by whole records, one write(2)
/// an append(), so that what has been appended is there whenever the process is killed, and a record cut short can
/// only be the last. Calls may come from several threads.
class EventFile {
  public:
    /// Makes a file in `folder`, which is made where it is not there. Its name sorts behind those that are: TensorBoard
    /// reads them as one run. With `first_step` it begins by saying that what they have of this step and later ones is
    /// void. Throws Error. Times are seconds since 1970.
    EventFile(const std::filesystem::path& folder, double time, std::optional<std::int64_t> first_step);
    ~EventFile();
    EventFile(const EventFile&) = delete;
    EventFile& operator=(const EventFile&) = delete;

    /// Throws Error, and leaves the file as it was, where not all of it can be written.
    void append(const EventSummary& summary, std::int64_t step, double time);

    const std::filesystem::path& path() const { return path_; }
    /// Whether `folder` has files of events.
    static bool any_in(const std::filesystem::path& folder);

  private:
    void write(const std::string& records);

    std::filesystem::path path_;
    std::mutex mutex_;
    int descriptor_ = -1;
};

}  // namespace camber::report
