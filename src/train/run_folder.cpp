#include "train/run_folder.h"

#include <camber/label_picture.h>
#include <camber/nets.h>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "io/atomic_file.h"
#include "io/input_file.h"
#include "io/text_file.h"
#include "train/config_file.h"

namespace camber {

namespace fs = std::filesystem;

namespace {

/// A file descriptor for its lifetime.
class Descriptor {
  public:
    Descriptor(const fs::path& file, int flags) : descriptor_(open(file.c_str(), flags | O_CLOEXEC, 0644)) {}
    ~Descriptor() {
        if (descriptor_ >= 0) close(descriptor_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return descriptor_; }

  private:
    int descriptor_;
};

[[noreturn]] void fail_to_write(const fs::path& file, int error) {
    fail("{}: cannot be written: {}", file.string(), error_text(error));
}

/// As long as they can be: of a configuration, and of metrics.jsonl after 100,000 epochs of many classes.
constexpr std::uint64_t most_config_bytes = 1 << 20, most_metrics_bytes = 512 << 20;

/// The epoch of a line of metrics.jsonl; none of a damaged one.
std::optional<std::int64_t> epoch_of(const std::string& line) {
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("epoch") || !json["epoch"].is_number_integer()) return {};
    return json["epoch"].get<std::int64_t>();
}

TrainConfig stored_config(const fs::path& file) {
    const std::string name = file.string();
    return train_config(parse_json(read_text(file, most_config_bytes), name, "the configuration of a run"), name);
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) : file_(folder / ".lock") {
    for (;;) {
        descriptor_ = open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (descriptor_ < 0) fail_to_write(file_, errno);
        if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            close(descriptor_);
            fail("{}: another camber trains in this folder; wait until it ends, or choose another --out",
                 folder.string());
        }
        // A file system that has no locks is used without. Between open and flock its holder may have removed the file.
        struct stat info {};
        if (fstat(descriptor_, &info) != 0 || info.st_nlink > 0) return;
        close(descriptor_);
    }
}

FolderLock::~FolderLock() {
    unlink(file_.c_str());
    close(descriptor_);
}

bool RunFolder::has_remains() const {
    return !fs::exists(no_checkpoint_yet()) &&
           (fs::exists(best()) || (fs::exists(metrics()) && !fs::is_empty(metrics())));
}

void RunFolder::refuse_existing() const {
    if (fs::exists(last()) || (fs::exists(best()) && fs::exists(no_checkpoint_yet())))
        fail_usage("{} already holds a run: --resume continues it, another --out starts a new one", name());
    if (has_remains())
        fail_usage("{} holds what is left of a run, without its {}: another --out starts a new one", name(),
                   last().filename().string());
}

TrainConfig RunFolder::stored_config() const {
    if (!fs::exists(config())) {
        fail_usage("{}: there is no run to continue: neither {} nor {}", name(), last().filename().string(),
                   config().filename().string());
    }
    if (has_remains()) {
        fail_usage(
            "{}: {} is not there any more, from which the run would go on: put it back, or start a new run in "
            "another --out{}",
            name(), last().filename().string(),
            fs::exists(best()) ? fmt::format(" with --weights {}", best().string()) : "");
    }
    TrainConfig stored = camber::stored_config(config());
    try {
        nets::make_net(stored.net, stored.net_options);
    } catch (const UsageError& error) {  // it speaks of the network alone
        fail("{}: {}", config().string(), error.what());
    }
    return stored;
}

void RunFolder::make() const {
    if (!writes_) return;
    std::error_code error;
    fs::create_directories(pictures(), error);
    if (error) fail("{}: the run's folder cannot be made: {}", name(), error_text(error.value()));
}

void RunFolder::begin(const TrainConfig& config) const {
    if (!writes_) return;
    write_file_atomically(no_checkpoint_yet(), "");
    rewind_metrics(0);  // of a run that ended before its first checkpoint, as what follows
    std::error_code not_there;
    fs::remove(best_validation(), not_there);
    write_config(config);
}

void RunFolder::write_config(const TrainConfig& config) const {
    if (!writes_) return;
    write_file_atomically(this->config(), config_text(config));
}

void RunFolder::add_decisions(TrainConfig& config) const {
    try {
        const TrainConfig written = camber::stored_config(this->config());
        const nlohmann::json &more = written.decisions, &known = config.decisions;
        if (more.size() > known.size() && std::equal(known.begin(), known.end(), more.begin())) config.decisions = more;
        if (config.validate_epochs == 0) config.validate_epochs = written.validate_epochs;
    } catch (const Error&) {  // the checkpoint has what it needs
    }
}

std::optional<RunFolder::MetricsLine> RunFolder::last_metrics() const {
    std::optional<MetricsLine> last;
    if (!fs::exists(metrics())) return last;
    const std::string text = read_file(metrics(), most_metrics_bytes);
    for (std::string_view rest = text; !rest.empty();) {
        const nlohmann::json json = nlohmann::json::parse(take_line(rest), nullptr, false);
        const auto number = [&](const char* key) {
            return json.is_object() && json.contains(key) && json[key].is_number();
        };
        if (number("epoch") && number("step") && number("elapsed"))
            last = {json["epoch"].get<std::int64_t>(), json["step"].get<std::int64_t>(), json["elapsed"].get<double>()};
    }
    return last;
}

void RunFolder::write_run(const nlohmann::json& run) const { write_file_atomically(this->run(), run.dump(2) + "\n"); }

void RunFolder::write_best_validation(const nlohmann::json& judgement) const {
    if (!writes_) return;
    write_file_atomically(best_validation(), judgement.dump() + "\n");
}

std::string RunFolder::rewind_metrics(std::int64_t epoch) const {
    if (!writes_ || !fs::exists(metrics())) return {};
    const std::string text = read_file(metrics(), most_metrics_bytes);
    std::string kept;
    std::vector<int> damaged;
    for (std::size_t begin = 0, number = 1; begin < text.size(); ++number) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = text.substr(begin, end - begin);
        begin = end + 1;
        if (const auto of = epoch_of(line)) {
            if (*of < epoch) kept += line + "\n";
        } else if (end < text.size()) {
            damaged.push_back(static_cast<int>(number));
        }
    }
    if (kept == text) return {};
    std::string said;
    if (!damaged.empty()) {
        fs::path copy = metrics();
        copy += ".damaged";
        write_file_atomically(copy, text);
        said = fmt::format("{} line{} {} cannot be read and {} left out; the file as it was is {}", metrics().string(),
                           damaged.size() > 1 ? "s" : "", fmt::join(damaged, ", "), damaged.size() > 1 ? "are" : "is",
                           copy.string());
    }
    write_file_atomically(metrics(), kept);
    return said;
}

void RunFolder::append_metrics(const nlohmann::json& json) const {
    if (!writes_) return;
    const std::string line = json.dump() + "\n";
    const Descriptor file(metrics(), O_WRONLY | O_CREAT | O_APPEND);
    struct stat before {};
    if (file.get() < 0 || fstat(file.get(), &before) != 0) fail_to_write(metrics(), errno);
    for (std::size_t done = 0; done < line.size();) {
        // A full disk takes part of a line first, without an error, which the next call has.
        const ssize_t written = write(file.get(), line.data() + done, line.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            const int error = written < 0 ? errno : ENOSPC;
            [[maybe_unused]] const int cut = ftruncate(file.get(), before.st_size);  // else --resume drops the part
            fail_to_write(metrics(), error);
        }
        done += static_cast<std::size_t>(written);
    }
}

void RunFolder::sync_metrics() const {
    const Descriptor file(metrics(), O_WRONLY | O_CREAT | O_APPEND);
    if (file.get() < 0 || fsync(file.get()) != 0) fail_to_write(metrics(), errno);
}

void RunFolder::note_checkpoint() const {
    std::error_code stays;  // and goes with the next one
    fs::remove(no_checkpoint_yet(), stays);
}

fs::path RunFolder::kept(std::int64_t epoch) const { return path() / fmt::format("epoch-{:04}.safetensors", epoch); }

void RunFolder::keep_last(const fs::path& file) const {
    std::error_code error;
    fs::remove(file, error);  // of an epoch that is done again
    fs::create_hard_link(last(), file, error);
    if (error) fs::copy_file(last(), file, error);
    if (error) fail_to_write(file, error.value());
}

void RunFolder::paint(const Dataset& dataset, const std::vector<std::size_t>& frames,
                      const std::vector<Image>& predictions) const {
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const std::size_t frame = frames[i];
        const auto sample = dataset.sample(frame);
        const Image picture = side_by_side(sample->image, sample->label, predictions[i], dataset.classes());
        write_png(this->picture(dataset.name(frame)), picture);
    }
}

}  // namespace camber
