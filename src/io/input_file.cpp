#include "io/input_file.h"

#include <camber/error.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include "io/elements.h"

static_assert(std::endian::native == std::endian::little, "files of weights are little-endian; so is Camber");

namespace camber {
namespace {

/// What a file is that is not a regular one.
const char* kind_of(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFDIR:
            return "a folder";
        case S_IFIFO:
            return "a pipe";
        case S_IFSOCK:
            return "a socket";
        case S_IFCHR:
        case S_IFBLK:
            return "a device";
        default:
            return "something else";
    }
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : name_(path.string()) {
    // O_NONBLOCK: opening a pipe must not wait for a writer.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
        const int error = errno;
        if (descriptor_ >= 0) ::close(descriptor_);
        fail("cannot read {}: {}", name_, error_text(error));
    }
    if (!S_ISREG(status.st_mode)) {
        ::close(descriptor_);
        fail("cannot read {}: it is {}, not a regular file", name_, kind_of(status.st_mode));
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

InputFile::InputFile(InputFile&& other) noexcept
    : name_(std::move(other.name_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      begin_(other.begin_),
      size_(other.size_) {}

InputFile InputFile::part(std::uint64_t begin, std::uint64_t size) const {
    if (begin > size_ || size > size_ - begin) fail("{}: cut short: {} of its bytes are missing", name_, size);
    InputFile result;
    result.name_ = name_;
    result.begin_ = begin_ + begin;
    result.size_ = size;
    result.descriptor_ = ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
    if (result.descriptor_ < 0) fail("cannot read {}: {}", name_, error_text(errno));
    return result;
}

void InputFile::read(std::uint64_t offset, void* to, std::size_t bytes) const {
    if (offset > size_ || bytes > size_ - offset) {
        fail("{}: cut short: it ends at byte {}, but goes on to {}", name_, size_, offset + bytes);
    }
    char* destination = static_cast<char*>(to);
    while (bytes > 0) {
        const ssize_t got = ::pread(descriptor_, destination, std::min(bytes, std::size_t{1} << 30),
                                    static_cast<off_t>(begin_ + offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("cannot read {}: {}", name_, error_text(errno));
        if (got == 0) fail("cannot read {}: it became shorter while being read", name_);
        destination += got;
        offset += static_cast<std::uint64_t>(got);
        bytes -= static_cast<std::size_t>(got);
    }
}

void InputFile::read_floats(ElementType type, std::uint64_t offset, float* to, std::size_t count,
                            const Seen& seen) const {
    if (type == ElementType::f32) {
        // What is looked at is still in a cache then.
        const std::size_t most = seen ? std::size_t{64} << 10 : count;
        for (std::size_t done = 0; done < count; done += most) {
            const std::size_t bytes = std::min(most, count - done) * sizeof(float);
            read(offset + done * sizeof(float), to + done, bytes);
            if (seen) seen(offset + done * sizeof(float), to + done, bytes);
        }
        return;
    }
    constexpr std::size_t piece = std::size_t{64} << 10;
    char staged[piece];
    const std::size_t size = size_of(type), most = piece / size;
    for (std::size_t done = 0; done < count;) {
        const std::size_t n = std::min(most, count - done);
        read(offset + done * size, staged, n * size);
        if (seen) seen(offset + done * size, staged, n * size);
        elements_to_float(type, staged, to + done, n);
        done += n;
    }
}

MappedFile::MappedFile(const InputFile& file)
    : skipped_(file.begin_ % static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))), bytes_(skipped_ + file.size_) {
    pages_ = mmap(nullptr, std::max<std::size_t>(bytes_, 1), PROT_READ, MAP_PRIVATE, file.descriptor_,
                  static_cast<off_t>(file.begin_ - skipped_));
    if (pages_ == MAP_FAILED) fail("cannot read {}: {}", file.name_, error_text(errno));
}

MappedFile::~MappedFile() { munmap(pages_, std::max<std::size_t>(bytes_, 1)); }

std::string read_file(const std::filesystem::path& path, std::uint64_t most) {
    const InputFile file(path);
    if (file.size() > most) fail("cannot read {}: {} bytes, where {} are the most", file.name(), file.size(), most);
    std::string bytes(static_cast<std::size_t>(file.size()), '\0');
    file.read(0, bytes.data(), bytes.size());
    return bytes;
}

}  // namespace camber
