#pragma once
#include <camber/error.h>
#include <camber/weights.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

/// What the fuzz targets share: a file in memory, and everything that can be asked of it.
namespace camber::fuzzing {

/// The bytes as a file.
class MemoryFile {
  public:
    MemoryFile(const std::uint8_t* data, std::size_t size) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
        for (std::size_t done = 0; done < size;) {
            const ssize_t written = ::write(descriptor_, data + done, size - done);
            if (written <= 0) break;
            done += static_cast<std::size_t>(written);
        }
    }
    ~MemoryFile() { ::close(descriptor_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

  private:
    int descriptor_;
};

/// Opens the bytes as a file of weights and reads every element. An Error is a good answer, anything else a finding:
/// a crash, a hang, more memory than the file has reason for, an Error of more than one line.
inline void read_everything(const std::uint8_t* data, std::size_t size) {
    const MemoryFile file(data, size);
    try {
        const auto weights = WeightFile::open(file.path());
        for (const WeightEntry& entry : weights->entries()) {
            if (entry.numel() > static_cast<std::int64_t>(size)) __builtin_trap();  // at most a byte an element
            weights->read(entry.name);
            if (entry.rows() > 1) {
                std::vector<float> row(static_cast<std::size_t>(entry.numel() / entry.rows()));
                weights->read_rows(entry, entry.rows() - 1, 1, row.data());
            }
        }
    } catch (const Error& error) {
        if (std::string(error.what()).find('\n') != std::string::npos) __builtin_trap();
    }
}

}  // namespace camber::fuzzing
