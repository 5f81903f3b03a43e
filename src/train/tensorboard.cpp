#include "train/tensorboard.h"

#include <camber/nets.h>
#include <camber/summary.h>
#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <utility>

#include "core/parallel_for.h"
#include "io/input_file.h"
#include "report/histogram.h"
#include "report/protocol.h"
#include "train/config_file.h"

namespace camber {
namespace {

using nlohmann::json;

constexpr std::uint64_t most_picture_bytes = 64 << 20;

double seconds_since_1970() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Numbers by their path, as train/loss; figures of classes as val_iou/Road, which TensorBoard shows in groups of their
/// own: beneath val/ they would bury the means.
void add_scalars(const json& value, const std::string& tag, report::EventSummary& to) {
    if (value.is_number()) return to.scalar(tag, value.get<double>());
    if (!value.is_object()) return;
    for (const auto& [name, item] : value.items()) {
        if (name != "classes") {
            add_scalars(item, tag.empty() ? name : tag + "/" + name, to);
            continue;
        }
        for (const json& scores : item)
            for (const auto& [figure, number] : scores.items())
                add_scalars(number, fmt::format("{}_{}/{}", tag, figure, scores.at("name").get<std::string>()), to);
    }
}

/// What of a configuration TensorBoard can show in a table of runs: "augment.flip", and lists as their JSON.
void add_options(const json& value, const std::string& name, std::map<std::string, json>& to) {
    if (!value.is_object()) {
        to[name] = value.is_array() ? json(value.dump()) : value;
        return;
    }
    for (const auto& [key, item] : value.items()) add_options(item, name.empty() ? key : name + "." + key, to);
}

std::string protocol_text(const json& protocol) {
    std::string text = "| figures are by | |\n| --- | --- |\n";
    for (const auto& [what, how] : report::protocol_lines(protocol)) text += fmt::format("| {} | {} |\n", what, how);
    return text;
}

}  // namespace

TensorBoard::TensorBoard(std::filesystem::path folder, std::int64_t done) : folder_(std::move(folder)), done_(done) {}

template <class Work>
void TensorBoard::attempt(const Work& work) {
    try {
        work();
    } catch (const std::exception& error) {
        const std::lock_guard lock(mutex_);
        if (error_.empty()) error_ = error.what();
    }
}

std::string TensorBoard::take_error() {
    const std::lock_guard lock(mutex_);
    return std::exchange(error_, {});
}

void TensorBoard::append(const report::EventSummary& summary, std::int64_t step) {
    if (file_) file_->append(summary, step, seconds_since_1970());
}

void TensorBoard::begin(const TrainConfig& config, const json& run) {
    attempt([&] {
        const bool more = report::EventFile::any_in(folder_);
        const bool anew = done_ == 0;
        const double now = seconds_since_1970();
        file_.emplace(folder_, now, more ? std::optional(anew ? 0 : done_ + 1) : std::nullopt);
        if (more && !anew) return;
        json fields = to_json(config);
        fields.erase("decisions");
        std::map<std::string, json> options;
        add_options(fields, "", options);
        report::EventSummary summary;
        summary.run_begins(folder_.parent_path().filename().string(), options, now);
        summary.text("configuration", "```json\n" + config_text(config) + "```\n");
        const auto net = nets::make_net(config.net, config.net_options);
        summary.text("network",
                     markdown_text(layer_table(*net, config.height, config.width, net->in_channels(), config.net)));
        summary.text("protocol", protocol_text(run.at("protocol")));
        append(summary, 0);
    });
}

void TensorBoard::metrics(const json& line) {
    attempt([&] {
        report::EventSummary summary;
        json numbers = line;
        numbers.erase("epoch");  // the step
        add_scalars(numbers, "", summary);
        if (line.value("best", false)) {  // the last of these are the run's, in the table of options
            for (const char* name : {"mean_iou", "pixel_accuracy"})
                if (line.at("val").at(name).is_number()) summary.scalar(std::string("best/") + name, line["val"][name]);
        }
        append(summary, line.at("epoch").get<std::int64_t>() + 1);
    });
}

void TensorBoard::histograms(const nn::ParameterBuffer& parameters, std::int64_t epoch, double scale) {
    attempt([&] {
        const Tensor weights = parameters.values().to(Device::cpu), gradients = parameters.gradients().to(Device::cpu);
        const std::vector<nn::ParameterBuffer::Entry>& entries = parameters.parameters();
        std::vector<std::pair<report::Histogram, report::Histogram>> made(entries.size());
        const auto of = [](const Tensor& all, const nn::ParameterBuffer::Entry& entry, double times) {
            const auto count = static_cast<std::size_t>(entry.tensor().numel());
            return report::histogram({all.data<float>() + entry.begin, count}, static_cast<float>(times));
        };
        parallel_for(entries.size(), 0, [&](std::size_t i) {
            made[i].first = of(weights, entries[i], 1);
            if (entries[i].trainable() && scale > 0) made[i].second = of(gradients, entries[i], scale);
        });
        report::EventSummary summary;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (made[i].first.count > 0) summary.histogram("weights/" + entries[i].name, made[i].first);
            if (made[i].second.count > 0) summary.histogram("gradients/" + entries[i].name, made[i].second);
        }
        append(summary, epoch);
    });
}

void TensorBoard::pictures(const std::vector<std::filesystem::path>& files, std::int64_t epoch) {
    attempt([&] {
        for (const std::filesystem::path& file : files) {
            report::EventSummary summary;
            summary.picture("pictures/" + file.stem().string(), read_file(file, most_picture_bytes));
            append(summary, epoch);
        }
    });
}

void TensorBoard::end(bool well) {
    attempt([&] {
        report::EventSummary summary;
        summary.run_ends(well, seconds_since_1970());
        append(summary, 0);
    });
}

}  // namespace camber
