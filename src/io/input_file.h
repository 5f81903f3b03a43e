#pragma once
#include <camber/weights.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace camber {

/// A regular file open for reading at any position. pread, not a mapping: a file that shrinks meanwhile is an Error,
/// not a SIGBUS, and no page of it counts as this process's memory. Holds the file open, so a file renamed over it
/// changes nothing. Reads may come from several threads.
class InputFile {
  public:
    /// Throws Error naming the file when it is missing, unreadable or not a regular file. Never waits, as for the
    /// writer of a pipe.
    explicit InputFile(const std::filesystem::path& path);
    ~InputFile();
    InputFile(InputFile&& other) noexcept;
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    const std::string& name() const { return name_; }
    std::uint64_t size() const { return size_; }
    /// Throws Error when [offset, offset + bytes) is not all in the file: one that became shorter, or was cut short.
    void read(std::uint64_t offset, void* to, std::size_t bytes) const;
    /// `count` little-endian elements at `offset` as f32.
    void read_floats(ElementType type, std::uint64_t offset, float* to, std::size_t count) const;
    /// The little-endian number at `offset`.
    template <class T>
    T number(std::uint64_t offset) const {
        T value;
        read(offset, &value, sizeof value);
        return value;
    }

  private:
    std::string name_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
};

/// The whole of a file that is no longer than `most` bytes; a longer one is an Error, unread.
std::string read_file(const std::filesystem::path& file, std::uint64_t most);

}  // namespace camber
