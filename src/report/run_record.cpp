#include "report/run_record.h"

#include <camber/error.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "io/input_file.h"
#include "io/text_file.h"

namespace camber::report {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Of a configuration; of metrics.jsonl after 100,000 epochs of many classes; of run.json and best_validation.json.
constexpr std::uint64_t most_config_bytes = 1 << 20, most_metrics_bytes = 512 << 20, most_record_bytes = 64 << 20;

double number(const json& object, const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found != object.end() && found->is_number() ? found->get<double>() : none;
}

std::int64_t whole(const json& object, const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string text(const json& object, const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const json& part(const json& object, const char* key) {
    static const json missing;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found != object.end() ? *found : missing;
}

Scores scores_from(const json& from) {
    Scores scores{.loss = number(from, "loss"),
                  .pixel_accuracy = number(from, "pixel_accuracy"),
                  .mean_iou = number(from, "mean_iou"),
                  .mean_accuracy = number(from, "mean_accuracy"),
                  .precision = number(from, "precision"),
                  .recall = number(from, "recall"),
                  .f1 = number(from, "f1"),
                  .iou_score = number(from, "iou_score")};
    for (const json& c : part(from, "classes")) {
        scores.classes.push_back({text(c, "name"), whole(c, "pixels"), number(c, "iou"), number(c, "precision"),
                                  number(c, "recall"), number(c, "f1")});
    }
    return scores;
}

EpochRecord epoch_from(const json& line) {
    const json &in = part(line, "seconds_in"), &memory = part(line, "peak_bytes");
    EpochRecord record{.epoch = whole(line, "epoch"),
                       .stage = whole(line, "stage"),
                       .step = whole(line, "step"),
                       .lr = number(line, "lr"),
                       .train = scores_from(part(line, "train")),
                       .val = {},
                       .best = part(line, "best") == json(true),
                       .seconds = number(line, "seconds"),
                       .elapsed = number(line, "elapsed"),
                       .images_per_second = number(line, "images_per_second"),
                       .step_seconds = number(in, "steps"),
                       .validation_seconds = number(in, "validation"),
                       .checkpoint_seconds = number(in, "checkpoints"),
                       .report_seconds = number(in, "report"),
                       .host_bytes = number(memory, "host"),
                       .device_bytes = number(memory, "device")};
    if (part(line, "val").is_object()) record.val = scores_from(line.at("val"));
    return record;
}

FrameRecord frame_from(const json& from) {
    return {text(from, "name"), number(from, "pixel_accuracy"), number(from, "mean_iou")};
}

json read_json(const fs::path& file, std::uint64_t most, const char* what) {
    if (!fs::exists(file)) return {};
    return parse_json(read_text(file, most), file.string(), what);
}

/// A run that is being written to has a last line that may not be whole yet.
void read_metrics(const fs::path& file, RunRecord& record) {
    if (!fs::exists(file)) return;
    const std::string all = read_file(file, most_metrics_bytes);
    for (std::string_view rest = all; !rest.empty();) {
        const bool ended = rest.find('\n') != std::string_view::npos;
        const json line = json::parse(take_line(rest), nullptr, false);
        if (line.is_object() && part(line, "epoch").is_number_integer()) {
            record.epochs.push_back(epoch_from(line));
        } else if (ended) {
            ++record.damaged_lines;
        }
    }
}

/// Whether a process trains in the folder.
bool is_held(const fs::path& lock) {
    const int descriptor = open(lock.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) return false;
    const bool held = flock(descriptor, LOCK_SH | LOCK_NB) != 0;
    close(descriptor);
    return held;
}

/// In a `style` attribute: nothing but numbers of the table becomes part of it.
std::string css_colour(const json& from) {
    int rgb[3] = {136, 136, 136};
    for (std::size_t i = 0; i < 3 && from.is_array() && from.size() == 3; ++i)
        if (from[i].is_number_integer()) rgb[i] = std::clamp(from[i].get<int>(), 0, 255);
    return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

}  // namespace

std::vector<ClassLook> class_looks(const json& table) {
    std::vector<ClassLook> looks;
    for (const json& c : part(table, "classes")) looks.push_back({text(c, "name"), css_colour(part(c, "colour"))});
    const json& nothing = part(table, "void");
    const auto is_void = [name = text(nothing, "name")](const ClassLook& look) { return look.name == name; };
    if (nothing.is_object() && std::none_of(looks.begin(), looks.end(), is_void))
        looks.push_back({text(nothing, "name"), css_colour(part(nothing, "colour"))});
    return looks;
}

Judgement judgement_from(const json& from, const std::string& source) {
    if (!from.is_object()) fail("{}: is not how a network was judged", source);
    Judgement judgement;
    judgement.epoch = from.contains("epoch") ? whole(from, "epoch") : -1;
    judgement.scores = scores_from(from);
    try {
        if (from.contains("confusion")) from.at("confusion").get_to(judgement.confusion);
    } catch (const json::exception&) {
        fail("{}: \"confusion\" is not a matrix of counts", source);
    }
    for (const auto& row : judgement.confusion)
        if (row.size() != judgement.scores.classes.size() || row.size() != judgement.confusion.size())
            fail("{}: \"confusion\" is not a matrix of its {} classes", source, judgement.scores.classes.size());
    for (const json& frame : part(from, "frames")) judgement.frames.push_back(frame_from(frame));
    for (const json& frame : part(from, "shown"))
        judgement.shown.push_back({frame_from(frame), static_cast<std::size_t>(whole(frame, "rank")),
                                   text(frame, "input"), text(frame, "truth"), text(frame, "prediction"),
                                   text(frame, "error")});
    return judgement;
}

json stored_run(const RunFiles& files) {
    json run = read_json(files.run(), most_record_bytes, "what a run is");
    if (!run.is_null() && !run.is_object())
        fail("{}: a JSON object says what a run is: is it damaged?", files.run().string());
    return run;
}

RunRecord read_run(const fs::path& folder) {
    const RunFiles files(folder);
    if (!fs::exists(files.config()))
        fail_usage("{}: there is no run here: the folder of one has a {}", files.name(),
                   files.config().filename().string());
    RunRecord record;
    const fs::path absolute = fs::absolute(folder).lexically_normal();
    record.folder = folder;
    record.name = one_line((absolute.has_filename() ? absolute : absolute.parent_path()).filename().string());
    record.config = read_json(files.config(), most_config_bytes, "the configuration of a run");
    record.run = stored_run(files);
    record.classes = class_looks(part(record.run, "classes"));
    record.running = is_held(files.lock());
    read_metrics(files.metrics(), record);
    if (const json best = read_json(files.best_validation(), most_record_bytes, "how a network was judged");
        !best.is_null())
        record.best = judgement_from(best, files.best_validation().string());
    return record;
}

const EpochRecord* RunRecord::best_epoch() const {
    for (auto epoch = epochs.rbegin(); epoch != epochs.rend(); ++epoch)
        if (epoch->best) return &*epoch;
    return nullptr;
}

int RunRecord::planned_epochs() const {
    const json& minutes = part(config, "minutes");
    if (minutes.is_number() && minutes > 0 && !config.contains("epochs")) return 0;
    const auto all = static_cast<int>(whole(config, "epochs"));
    const json& stages = part(config, "stages");
    if (!stages.is_array() || stages.empty()) return all;
    int sum = 0;
    for (const json& stage : stages) sum += stage.contains("epochs") ? static_cast<int>(whole(stage, "epochs")) : all;
    return sum;
}

std::string RunRecord::number_of(const EpochRecord& epoch) const {
    const int planned = planned_epochs();
    return planned > 0 ? fmt::format("{} of {}", epoch.epoch + 1, planned) : fmt::format("{}", epoch.epoch + 1);
}

std::string RunRecord::monitor() const {
    const std::string given = text(config, "monitor");
    return given.empty() ? "mean_iou" : given;
}

}  // namespace camber::report
