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

void RunFolder::append_metrics(const nlohmann::json& json) const {
    const std::string line = json.dump() + "\n";
    const int file = open(metrics().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const bool written =
        file >= 0 && write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && fsync(file) == 0;
    const int reason = errno;
    if (file >= 0) close(file);
    if (!written) fail("{}: cannot be written: {}", metrics().string(), std::strerror(reason));
}

void RunFolder::paint(Model& model, const Dataset& dataset, int count) const {
    const std::size_t frames = std::min(dataset.size(), static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < frames; ++i) {
        const std::size_t frame = i * dataset.size() / frames;
        const Image& image = dataset.image(frame);
        const Image picture = side_by_side(image, dataset.label(frame), predict(model, image), model.classes);
        write_png(pictures() / (dataset.name(frame) + ".png"), picture);
    }
}

}  // namespace camber
