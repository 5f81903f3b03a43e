#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/atomic_file.h"

namespace camber {

/// Writes a zip archive (PKWARE APPNOTE) whose members are stored as they are, at multiples of 64 bytes, each with its
/// checksum; appears whole or not at all. The same members make the same bytes. Throws Error naming the file, also for
/// more than four gigabytes.
class ZipWriter {
  public:
    explicit ZipWriter(const std::filesystem::path& file);
    void add(const std::string& name, std::string_view bytes);
    /// Call once, last.
    void commit();

  private:
    struct Member {
        std::string name;
        std::uint32_t crc, size, offset;
    };
    void check_room(std::uint64_t bytes) const;

    std::string name_;
    AtomicFile file_;
    std::vector<Member> members_;
    std::uint64_t at_ = 0;
};

}  // namespace camber
