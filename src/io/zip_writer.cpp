#include "io/zip_writer.h"

#include <camber/error.h>

#include <limits>

#include "io/crc.h"

namespace camber {
namespace {

constexpr std::uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50, end_signature = 0x06054b50;
constexpr std::uint16_t version = 20;            // 2.0
constexpr std::uint16_t utf8_names = 1 << 11;    // a flag
constexpr std::uint16_t first_day = 1 << 5 | 1;  // 1 January 1980

class Bytes {
  public:
    Bytes& two(std::uint16_t value) { return number(value); }
    Bytes& four(std::uint32_t value) { return number(value); }
    Bytes& text(std::string_view value) {
        bytes_ += value;
        return *this;
    }
    const std::string& str() const { return bytes_; }

  private:
    template <class T>
    Bytes& number(T value) {
        for (std::size_t i = 0; i < sizeof value; ++i) bytes_ += static_cast<char>(value >> (8 * i));
        return *this;
    }
    std::string bytes_;
};

}  // namespace

ZipWriter::ZipWriter(const std::filesystem::path& file) : name_(file.string()), file_(file) {}

void ZipWriter::check_room(std::uint64_t bytes) const {
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    if (at_ > most || bytes > most - at_ || members_.size() >= std::numeric_limits<std::uint16_t>::max())
        fail("cannot write {}: an archive of more than four gigabytes", name_);
}

void ZipWriter::add(const std::string& name, std::string_view bytes) {
    constexpr std::size_t header = 30, field = 4, alignment = 64;
    check_room(header + name.size() + alignment + field + bytes.size());
    const std::uint32_t crc = crc32(bytes.data(), bytes.size());
    const auto size = static_cast<std::uint32_t>(bytes.size());
    // A field of nothing but room, as PyTorch has it.
    const std::size_t before = at_ + header + name.size() + field, room = (alignment - before % alignment) % alignment;
    const std::string local = Bytes()
                                  .four(local_signature)
                                  .two(version)
                                  .two(utf8_names)
                                  .two(0)
                                  .two(0)
                                  .two(first_day)
                                  .four(crc)
                                  .four(size)
                                  .four(size)
                                  .two(static_cast<std::uint16_t>(name.size()))
                                  .two(static_cast<std::uint16_t>(field + room))
                                  .text(name)
                                  .text("FB")
                                  .two(static_cast<std::uint16_t>(room))
                                  .text(std::string(room, 'Z'))
                                  .str();
    members_.push_back({name, crc, size, static_cast<std::uint32_t>(at_)});
    file_.write(local);
    file_.write(bytes);
    at_ += local.size() + bytes.size();
}

void ZipWriter::commit() {
    Bytes list;
    for (const Member& member : members_) {
        list.four(central_signature)
            .two(version)
            .two(version)
            .two(utf8_names)
            .two(0)
            .two(0)
            .two(first_day)
            .four(member.crc)
            .four(member.size)
            .four(member.size)
            .two(static_cast<std::uint16_t>(member.name.size()))
            .two(0)
            .two(0)
            .two(0)
            .two(0)
            .four(0)
            .four(member.offset)
            .text(member.name);
    }
    check_room(list.str().size());
    const auto count = static_cast<std::uint16_t>(members_.size());
    file_.write(list.str());
    file_.write(Bytes()
                    .four(end_signature)
                    .two(0)
                    .two(0)
                    .two(count)
                    .two(count)
                    .four(static_cast<std::uint32_t>(list.str().size()))
                    .four(static_cast<std::uint32_t>(at_))
                    .two(0)
                    .str());
    file_.commit();
}

}  // namespace camber
