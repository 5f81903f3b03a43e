#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "io/input_file.h"
#include "io/zip.h"

namespace camber {

/// Compares a member of a zip archive with its checksum while its bytes are read, in any pieces, in any order and from
/// several threads: nothing is read for it twice.
class CheckedMember {
  public:
    /// `begin`: of the member in the files that are given below.
    CheckedMember(std::string name, const ZipMember& member, std::uint64_t begin)
        : name_(std::move(name)), member_(member), begin_(begin) {}

    /// InputFile::read_floats(), of bytes that are the member's. Throws Error where the last of its bytes to come shows
    /// that they are not what was written.
    void read_floats(const InputFile& file, ElementType type, std::uint64_t offset, float* to, std::size_t count);
    /// Says that some of its bytes are used, though they were read otherwise.
    void use() { used_ = true; }
    /// Reads what has not been read, where anything has been.
    void check_rest(const InputFile& file);

  private:
    struct Piece {
        std::uint64_t end;
        std::uint32_t crc;
    };
    void add(const InputFile& file, std::uint64_t offset, const void* bytes, std::size_t count);
    void join(const InputFile& file, std::uint64_t from, std::uint64_t end, std::uint32_t crc);

    const std::string name_;
    const ZipMember member_;
    const std::uint64_t begin_;
    std::atomic<bool> used_{false}, checked_{false};
    std::mutex guard_;
    std::map<std::uint64_t, Piece> pieces_;  ///< by where they begin in the member; none touch
};

/// All of a member's bytes, checked; at most `most`.
std::string read_member(const InputFile& file, const std::string& name, const ZipMember& member, std::uint64_t most);

}  // namespace camber
