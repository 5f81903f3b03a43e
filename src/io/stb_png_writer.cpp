#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "io/atomic_file.h"
#include "io/crc.h"
#include "io/image.h"
#include "io/png.h"
#include "io/png_writer.h"

namespace camber {

/// All rows, those of 16 bits as two channels of bytes, which are filtered alike.
struct PngWriter::State {
    State(const std::filesystem::path& target, int height, int width, int samples)
        : file(target), image(height, width, samples), at(image.data.data()) {}
    AtomicFile file;
    Image image;
    std::uint8_t* at;
    bool wide = false;
};

PngWriter::PngWriter(const std::filesystem::path& file, int height, int width, int channels, int bits)
    : state_(std::make_unique<State>(file, height, width, channels * bits / 8)) {
    state_->wide = bits == 16;
}

PngWriter::~PngWriter() = default;

void PngWriter::write_rows(int count, const void* rows) {
    const std::size_t bytes = static_cast<std::size_t>(count) * static_cast<std::size_t>(state_->image.width) *
                              static_cast<std::size_t>(state_->image.channels);
    std::memcpy(state_->at, rows, bytes);
    if (state_->wide && std::endian::native == std::endian::little)
        for (std::size_t i = 0; i < bytes; i += 2) std::swap(state_->at[i], state_->at[i + 1]);
    state_->at += bytes;
}

void PngWriter::commit() {
    std::vector<std::uint8_t> bytes = encode_png(state_->image);
    if (state_->wide) {  // grey of 16 bits, as IHDR says it, under its checksum
        constexpr std::size_t chunk = 12, data = 16, length = 13;
        bytes[data + 8] = 16;
        bytes[data + 9] = static_cast<std::uint8_t>(PngType::grey);
        const std::uint32_t sum = crc32(&bytes[chunk], 4 + length);
        for (std::size_t i = 0; i < 4; ++i) bytes[data + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    }
    state_->file.write(bytes.data(), bytes.size());
    state_->file.commit();
}

}  // namespace camber
