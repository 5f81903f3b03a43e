#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>

namespace camber {

/// Writes a PNG, some rows after the other, which libpng compresses as they come; a build without it does so at the
/// end. The file appears whole or not at all, as AtomicFile's.
class PngWriter {
  public:
    /// Of `channels` 1 (grey), 3 (RGB) or 4 (RGBA) of 8 bits, or 1 of 16. Throws Error as AtomicFile.
    PngWriter(const std::filesystem::path& file, int height, int width, int channels, int bits = 8);
    ~PngWriter();
    PngWriter(const PngWriter&) = delete;
    PngWriter& operator=(const PngWriter&) = delete;

    /// The next `count` rows, [count, width, channels].
    void write(int count, const std::uint8_t* rows) { write_rows(count, rows); }
    void write(int count, const std::uint16_t* rows) { write_rows(count, rows); }
    /// Once all rows are written.
    void commit();

  private:
    void write_rows(int count, const void* rows);

    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace camber
