#include <camber/class_table.h>
#include <camber/error.h>
#include <camber/progress.h>
#include <camber/synth.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "core/parallel_for.h"
#include "io/image.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

/// Removes the unfinished folder unless it was renamed into place.
class TemporaryFolder {
  public:
    explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
    ~TemporaryFolder() {
        std::error_code ignored;
        if (!path_.empty()) fs::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const fs::path& path() const { return path_; }
    void keep() { path_.clear(); }

  private:
    fs::path path_;
};

/// Plain, since the folder as a whole is synced and renamed at the end.
void write_file(const fs::path& file, const void* data, std::size_t size) {
    errno = 0;
    std::ofstream stream(file, std::ios::binary);
    stream.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
    stream.close();
    if (!stream) fail("{}: cannot be written: {}", file.string(), error_text(errno));
}
void write_file(const fs::path& file, const std::string& text) { write_file(file, text.data(), text.size()); }
void write_file(const fs::path& file, const Image& image) {
    const std::vector<std::uint8_t> bytes = encode_png(image);
    write_file(file, bytes.data(), bytes.size());
}

/// One call for everything below the folder; a sync per picture would take longer than painting it.
void sync_file_system(const fs::path& folder) {
    const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = handle >= 0 && ::syncfs(handle) == 0;
    const int error = errno;
    if (handle >= 0) ::close(handle);
    if (!synced) fail("{}: cannot be written: {}", folder.string(), error_text(error));
}

}  // namespace

void write_synthetic_dataset(const fs::path& folder, const SynthConfig& config, const Progress& progress) {
    if (config.train_count < 0 || config.val_count < 0 || config.train_count + config.val_count == 0) {
        fail_usage("{} training and {} validation scenes: give at least one", config.train_count, config.val_count);
    }
    if (folder.empty()) fail_usage("the folder of the dataset has an empty name");
    fs::path target = fs::absolute(folder);
    if (!target.has_filename()) target = target.parent_path();  // a trailing slash
    std::error_code code;
    if (fs::exists(target, code) && !(fs::is_directory(target, code) && fs::is_empty(target, code))) {
        fail("{}: exists already and is not an empty folder; remove it or choose another", target.string());
    }
    fs::create_directories(target.parent_path(), code);
    if (code) fail("{}: cannot be created: {}", target.parent_path().string(), code.message());
    TemporaryFolder work(target.parent_path() / fmt::format(".{}.{}.tmp", target.filename().string(), ::getpid()));

    struct Split {
        const char* name;
        int count;
    };
    const Split splits[] = {{"train", config.train_count}, {"val", config.val_count}};
    for (const Split& split : splits) {
        if (split.count == 0) continue;
        for (const char* suffix : {"", "annot"}) {
            const fs::path made = work.path() / (std::string(split.name) + suffix);
            fs::create_directories(made, code);
            if (code) fail("{}: cannot be created: {}", made.string(), code.message());
        }
        std::string list;
        for (int i = 0; i < split.count; ++i)
            list += fmt::format("{0}/{1:05}.png {0}annot/{1:05}.png\n", split.name, i);
        write_file(work.path() / fmt::format("{}.txt", split.name), list);
    }
    write_file(work.path() / "classes.json", class_table_json(camvid11()));

    const auto train_count = static_cast<std::size_t>(config.train_count);
    const auto total = train_count + static_cast<std::size_t>(config.val_count);
    const auto make = [&](std::size_t i) {
        const Split& split = splits[i < train_count ? 0 : 1];
        const std::size_t number = i < train_count ? i : i - train_count;
        // Validation scenes are numbered apart, so that more training scenes never become validation ones.
        const std::uint64_t index = i < train_count ? number : (std::uint64_t{1} << 32) + number;
        const Scene scene = generate_scene(config.seed, index, config.height, config.width);
        const std::string file = fmt::format("{:05}.png", number);
        write_file(work.path() / split.name / file, scene.image);
        write_file(work.path() / (std::string(split.name) + "annot") / file, scene.label);
    };
    parallel_for(total, config.threads, make, progress);

    sync_file_system(work.path());
    fs::rename(work.path(), target, code);
    if (code) fail("{}: cannot be put in place: {}", target.string(), code.message());
    work.keep();
}

}  // namespace camber
