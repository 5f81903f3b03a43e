#pragma once
#include <camber/weights.h>

#include <cstdint>
#include <filesystem>
#include <functional>
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
    /// A piece of it as a file of its own, whose byte 0 is byte `begin` here. Throws Error when it is not all in it.
    InputFile part(std::uint64_t begin, std::uint64_t size) const;
    ~InputFile();
    InputFile(InputFile&& other) noexcept;
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    const std::string& name() const { return name_; }
    std::uint64_t size() const { return size_; }
    /// Throws Error when [offset, offset + bytes) is not all in the file: one that became shorter, or was cut short.
    void read(std::uint64_t offset, void* to, std::size_t bytes) const;
    /// What is shown pieces of the file as they are read: where each begins, and its bytes.
    using Seen = std::function<void(std::uint64_t offset, const void* bytes, std::size_t count)>;
    /// `count` little-endian elements at `offset` as f32.
    void read_floats(ElementType type, std::uint64_t offset, float* to, std::size_t count, const Seen& seen = {}) const;
    /// The little-endian number at `offset`.
    template <class T>
    T number(std::uint64_t offset) const {
        T value;
        read(offset, &value, sizeof value);
        return value;
    }

  private:
    friend class MappedFile;
    InputFile() = default;

    std::string name_;
    int descriptor_ = -1;
    std::uint64_t begin_ = 0, size_ = 0;  ///< where it is in the file of the descriptor
};

/// A file's bytes as memory, read only, for libraries that take nothing else. Where the file shrinks meanwhile a look
/// at what is gone is a SIGBUS: only for a child process.
class MappedFile {
  public:
    /// Throws Error naming the file where there is no room for its addresses.
    explicit MappedFile(const InputFile& file);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    const void* data() const { return static_cast<const char*>(pages_) + skipped_; }
    std::size_t size() const { return bytes_ - skipped_; }

  private:
    std::size_t skipped_, bytes_;  ///< of the first page, before the file begins; of all
    void* pages_;
};

/// The whole of a file that is no longer than `most` bytes; a longer one is an Error, unread.
std::string read_file(const std::filesystem::path& file, std::uint64_t most);

}  // namespace camber
