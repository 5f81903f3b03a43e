#include "train/reporter.h"

#include <camber/nets.h>
#include <camber/summary.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <fstream>
#include <thread>
#include <utility>

#include "backend/backend.h"
#include "report/report.h"
#include "report/run_record.h"

namespace camber {
namespace {

/// As Linux has it; empty where it does not say.
std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name") && line.find(": ") != std::string::npos)
            return one_line(line.substr(line.find(": ") + 2));
    return {};
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

void Reporter::begin(nlohmann::json run) {
    if (!folder_.writes()) return;
    run_ = std::move(run);
    write_run("running", "");
    write_report(true);
}

void Reporter::begin_tensorboard(const TrainConfig& config, std::int64_t done) {
    if (!folder_.writes()) return;
    tensorboard_.emplace(folder_.events(), done);
    tensorboard_->begin(config, run_);
    say_tensorboard_error();
}

void Reporter::update(double elapsed, const nlohmann::json& metrics, const nn::ParameterBuffer& parameters,
                      double gradient_scale) {
    if (!folder_.writes()) return;
    if (page_seconds_ + longest_ < share * elapsed) write_report(true);
    if (!tensorboard_) return;
    const auto start = std::chrono::steady_clock::now();
    tensorboard_->metrics(metrics);
    spent_ += seconds_since(start);
    parameters_ = &parameters;
    epoch_ = metrics.at("epoch").get<std::int64_t>() + 1;
    gradient_scale_ = gradient_scale;
    if (histogram_seconds_ + longest_histograms_ < share * elapsed) write_histograms();
    say_tensorboard_error();
}

void Reporter::end(const std::string& state, const std::string& why) {
    if (run_.is_null()) return;  // a run that could not begin leaves nothing behind
    try {
        write_run(state, why);
    } catch (const Error& error) {  // the run has ended all the same, or failed for a reason that is told
        observer_.on_message(error.what());
    }
    if (tensorboard_) {
        const bool well = state == "finished" || state == "stopped";
        if (well && parameters_) write_histograms();
        // An interrupted run goes on, and TensorBoard keeps the first end that it reads.
        if (well || state == "failed") tensorboard_->end(well);
        say_tensorboard_error();
    }
    write_report(false);
}

void Reporter::end_again(const std::string& state, const std::string& why) {
    if (!folder_.writes()) return;
    try {
        run_ = report::stored_run(folder_);
    } catch (const Error& error) {
        observer_.on_message(error.what());
        return;
    }
    end(state, why);
}

void Reporter::painted(const std::vector<std::filesystem::path>& pictures, std::int64_t epoch) {
    if (tensorboard_) tensorboard_->pictures(pictures, epoch + 1);
}

void Reporter::write_histograms() {
    const auto start = std::chrono::steady_clock::now();
    tensorboard_->histograms(*parameters_, epoch_, gradient_scale_);
    parameters_ = nullptr;
    const double seconds = seconds_since(start);
    spent_ += seconds;
    histogram_seconds_ += seconds;
    longest_histograms_ = std::max(longest_histograms_, seconds);
}

void Reporter::say_tensorboard_error() {
    const std::string error = tensorboard_->take_error();
    if (!error.empty() && !std::exchange(said_tensorboard_, true))
        observer_.on_message(fmt::format("TensorBoard's files are not complete: {}", error));
}

double Reporter::take_seconds() { return spent_ - std::exchange(taken_, spent_); }

void Reporter::write_run(const std::string& state, const std::string& why) {
    run_["state"] = state;
    run_["why"] = why;
    folder_.write_run(run_);
}

void Reporter::write_report(bool running) {
    const auto start = std::chrono::steady_clock::now();
    try {
        report::RunRecord record = report::read_run(folder_.path());
        record.running = running;
        report::write_page(folder_.report(), report::run_page(record));
    } catch (const std::exception& error) {
        if (!std::exchange(said_, true)) observer_.on_message(fmt::format("no report: {}", error.what()));
    }
    const double seconds = seconds_since(start);
    spent_ += seconds;
    page_seconds_ += seconds;
    longest_ = std::max(longest_, seconds);
}

nlohmann::json run_json(const TrainConfig& config, const Model& model, const nlohmann::json& protocol) {
    const auto net = nets::make_net(config.net, config.net_options);
    return {{"camber", CAMBER_VERSION},
            {"device", name(model.device())},
            {"device_name", backend(model.device()).describe()},
            {"dtype", name(model.dtype())},
            {"processor", processor_name()},
            {"cores", std::thread::hardware_concurrency()},
            {"classes", nlohmann::json::parse(class_table_json(model.classes))},
            {"layers",
             table_json(layer_table(*net, model.config.height, model.config.width, net->in_channels(), config.net))},
            {"protocol", protocol}};
}

nlohmann::json peak_bytes(Device device) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    nlohmann::json bytes = {{"host", std::int64_t{usage.ru_maxrss} * 1024}};
    if (!is_host(device)) bytes["device"] = device_memory(device).stats().peak;
    return bytes;
}

}  // namespace camber
