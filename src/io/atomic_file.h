#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace camber {

/// A file that appears whole or not at all. Bytes go to a hidden temporary beside the target
/// (`.NAME.tmp-NUMBER`); commit() syncs it, renames it over the target and syncs the folder, so that after a crash
/// or a kill the target is the old file or the new one. A writer holds a lock on its temporary for as long as it
/// lives: the next writer of the same target removes the temporaries whose lock nobody holds.
///
/// Every failure throws Error naming the target and the system's reason, after removing the temporary.
class AtomicFile {
  public:
    /// Creates the temporary. The folder must exist; a target that exists must be a regular file.
    explicit AtomicFile(std::filesystem::path target);
    /// Removes the temporary unless commit() succeeded.
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    /// Appends. Not buffered: give it blocks of a useful size.
    void write(const void* data, std::size_t bytes);
    void write(std::string_view text) { write(text.data(), text.size()); }
    /// Writes over what was appended.
    void overwrite(std::uint64_t offset, std::string_view text);
    /// Makes the target the new file. Call once, last.
    void commit();

  private:
    [[noreturn]] void fail_with(int error_number, const char* what);
    void discard() noexcept;

    std::filesystem::path target_, temporary_;
    int descriptor_ = -1;
    std::uint64_t written_ = 0, begun_ = 0;  ///< bytes appended, and those of them on their way to the disk
};

/// The whole of it for contents already in memory.
void write_file_atomically(const std::filesystem::path& target, std::string_view contents);

}  // namespace camber
