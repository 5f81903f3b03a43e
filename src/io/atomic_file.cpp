#include "io/atomic_file.h"

#include <camber/error.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace camber {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece = std::size_t{8} << 20;

/// Removes a temporary that no living process holds: a killed writer's lock went with it.
void remove_abandoned(const fs::path& temporary) noexcept {
    const int descriptor = ::open(temporary.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return;
    struct stat held {
    }, named{};
    // Its writer may have renamed it meanwhile, and another begun one of that name.
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && ::fstat(descriptor, &held) == 0 &&
        ::lstat(temporary.c_str(), &named) == 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino)
        ::unlink(temporary.c_str());
    ::close(descriptor);
}

/// Makes the renaming itself survive a power cut. File systems that cannot sync a folder say EINVAL; nothing is lost
/// then that could have been kept.
void sync_folder(const fs::path& folder) noexcept {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (descriptor < 0) return;
    ::fsync(descriptor);
    ::close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
    std::error_code error;
    if (target_.filename().empty()) fail_usage("cannot write '{}': it is not a file name", target_.string());
    const fs::file_status status = fs::status(target_, error);
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        fail("cannot write {}: it exists and is not a regular file", target_.string());
    }
    const fs::path folder = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
    if (!fs::is_directory(folder, error)) {
        fail("cannot write {}: there is no folder {}", target_.string(), folder.string());
    }
    // Numbered from 0 among those who write this target at a time: what killed ones left is met without reading the
    // folder, which may hold very many files.
    constexpr int most_left = 4;
    const auto numbered = [&](int number) {
        return folder / fmt::format(".{}.tmp-{}", target_.filename().string(), number);
    };
    for (int number = 0; number < most_left; ++number) remove_abandoned(numbered(number));
    for (int number = 0;;) {
        temporary_ = numbered(number);
        descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor_ < 0 && errno == EEXIST) {
            ++number;
            continue;
        }
        if (descriptor_ < 0) fail_with(errno, "cannot write");
        ::flock(descriptor_, LOCK_EX);
        // Between open and flock another writer may have taken the file for abandoned.
        struct stat info {};
        if (::fstat(descriptor_, &info) != 0 || info.st_nlink > 0) break;
        ::close(descriptor_);
        descriptor_ = -1;
    }
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::write(const void* data, std::size_t bytes) {
    const char* from = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t written = ::write(descriptor_, from, std::min(bytes, piece));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail_with(written < 0 ? errno : ENOSPC, "cannot write");
        from += written;
        bytes -= static_cast<std::size_t>(written);
        written_ += static_cast<std::uint64_t>(written);
        if (written_ - begun_ < piece) continue;
        // The disk takes it while more is made, so that commit() has little to wait for. A hint: fsync sees errors.
        ::sync_file_range(descriptor_, static_cast<off64_t>(begun_), static_cast<off64_t>(written_ - begun_),
                          SYNC_FILE_RANGE_WRITE);
        begun_ = written_;
    }
}

void AtomicFile::overwrite(std::uint64_t offset, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::pwrite(descriptor_, text.data(), text.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail_with(written < 0 ? errno : ENOSPC, "cannot write");
        text.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
}

void AtomicFile::commit() {
    if (::fsync(descriptor_) != 0) fail_with(errno, "cannot write");
    // The lock goes with the descriptor, so the file keeps it until it has its final name.
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail_with(errno, "cannot replace");
    const int descriptor = std::exchange(descriptor_, -1);
    if (::close(descriptor) != 0 && errno != EINTR) {
        fail("cannot write {}: {}", target_.string(), error_text(errno));
    }
    sync_folder(target_.has_parent_path() ? target_.parent_path() : fs::path("."));
}

void AtomicFile::fail_with(int error_number, const char* what) {
    discard();
    fail("{} {}: {}", what, target_.string(), error_text(error_number));
}

void AtomicFile::discard() noexcept {
    if (descriptor_ < 0) return;
    ::unlink(temporary_.c_str());
    ::close(descriptor_);
    descriptor_ = -1;
}

void write_file_atomically(const fs::path& target, std::string_view contents) {
    AtomicFile file(target);
    file.write(contents);
    file.commit();
}

}  // namespace camber
