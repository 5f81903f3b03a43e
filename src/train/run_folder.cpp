#include "train/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "io/atomic_file.h"

namespace camber {

void RunFolder::refuse_existing() const {
    if (std::filesystem::exists(last()) || std::filesystem::exists(metrics())) {
        fail_usage("{} already holds a run: --resume continues it, another --out starts a new one", name());
    }
}

void RunFolder::create(const nlohmann::json& config) const {
    std::error_code error;
    std::filesystem::create_directories(pictures(), error);
    if (error) fail("{}: the run's folder cannot be made: {}", name(), error.message());
    write_file_atomically(this->config(), config.dump(2) + "\n");
}

void RunFolder::rewind_metrics(std::int64_t epoch) const {
    std::ifstream file(metrics());
    std::string kept, line;
    while (std::getline(file, line)) {
        const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
        if (json.is_discarded() || json.value("epoch", std::int64_t{0}) >= epoch) break;
        kept += line + "\n";
    }
    write_file_atomically(metrics(), kept);
}

namespace {

/// A file descriptor for its lifetime.
class Descriptor {
  public:
    Descriptor(const std::filesystem::path& file, int flags)
        : descriptor_(open(file.c_str(), flags | O_CLOEXEC, 0644)) {}
    ~Descriptor() {
        if (descriptor_ >= 0) close(descriptor_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return descriptor_; }

  private:
    int descriptor_;
};

[[noreturn]] void fail_to_write(const std::filesystem::path& file) {
    fail("{}: cannot be written: {}", file.string(), std::strerror(errno));
}

}  // namespace

void RunFolder::append_metrics(const nlohmann::json& json) const {
    const std::string line = json.dump() + "\n";
    const Descriptor file(metrics(), O_WRONLY | O_CREAT | O_APPEND);
    if (file.get() < 0 || write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        fail_to_write(metrics());
}

void RunFolder::sync_metrics() const {
    const Descriptor file(metrics(), O_WRONLY | O_CREAT | O_APPEND);
    if (file.get() < 0 || fsync(file.get()) != 0) fail_to_write(metrics());
}

void RunFolder::paint(const Dataset& dataset, const std::vector<std::size_t>& frames,
                      const std::vector<Image>& predictions) const {
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const std::size_t frame = frames[i];
        const Image picture =
            side_by_side(dataset.image(frame), dataset.label(frame), predictions[i], dataset.classes());
        write_png(pictures() / (dataset.name(frame) + ".png"), picture);
    }
}

}  // namespace camber
