#include "io/new_folder.h"

#include <camber/error.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "io/image.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

void write_bytes(const fs::path& file, const void* data, std::size_t size) {
    errno = 0;
    std::ofstream stream(file, std::ios::binary);
    stream.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
    stream.close();
    if (!stream) fail("{}: cannot be written: {}", file.string(), error_text(errno));
}

/// One call for everything below the folder.
void sync_file_system(const fs::path& folder) {
    const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = handle >= 0 && ::syncfs(handle) == 0;
    const int error = errno;
    if (handle >= 0) ::close(handle);
    if (!synced) fail("{}: cannot be written: {}", folder.string(), error_text(error));
}

void make_folders(const fs::path& folder) {
    std::error_code code;
    fs::create_directories(folder, code);
    if (code) fail("{}: cannot be created: {}", folder.string(), code.message());
}

}  // namespace

NewFolder::NewFolder(const fs::path& folder) {
    if (folder.empty()) fail_usage("the folder of the dataset has an empty name");
    target_ = fs::absolute(folder);
    if (!target_.has_filename()) target_ = target_.parent_path();  // a trailing slash
    std::error_code code;
    if (fs::exists(target_, code) && !(fs::is_directory(target_, code) && fs::is_empty(target_, code))) {
        fail("{}: exists already and is not an empty folder; remove it or choose another", target_.string());
    }
    make_folders(target_.parent_path());
    work_ = target_.parent_path() / fmt::format(".{}.{}.tmp", target_.filename().string(), ::getpid());
    make_folders(work_);
}

NewFolder::~NewFolder() {
    std::error_code ignored;
    if (!work_.empty()) fs::remove_all(work_, ignored);
}

fs::path NewFolder::file(const fs::path& name) {
    const fs::path path = work_ / name;
    make_folders(path.parent_path());
    return path;
}

void NewFolder::write(const fs::path& name, const std::string& text) {
    write_bytes(file(name), text.data(), text.size());
}

void NewFolder::write_png(const fs::path& name, const Image& image) {
    const std::vector<std::uint8_t> bytes = encode_png(image);
    write_bytes(file(name), bytes.data(), bytes.size());
}

void NewFolder::copy(const fs::path& name, const fs::path& from) {
    const fs::path to = file(name);
    std::error_code code;
    fs::copy_file(from, to, code);
    if (code) fail("{}: cannot be copied to {}: {}", from.string(), to.string(), code.message());
}

void NewFolder::commit() {
    sync_file_system(work_);
    std::error_code code;
    fs::rename(work_, target_, code);
    if (code) fail("{}: cannot be put in place: {}", target_.string(), code.message());
    work_.clear();
}

}  // namespace camber
