#include "cuda/convolutions/measured_convolutions.h"

#include <camber/error.h>

#include <chrono>
#include <cstdint>
#include <limits>

#include "cuda/convolutions/trial.h"
#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {
namespace {

bool aligned(const Tensor& t) { return reinterpret_cast<std::uintptr_t>(t.raw()) % 16 == 0; }

double operations(const ConvCall& call) {
    const double taps = static_cast<double>(call.filter.numel()) / static_cast<double>(call.filter.dim(0));
    return 2 * static_cast<double>(call.response.numel()) * taps;
}

/// For people: what serves a call, and what could not.
std::string describe(const std::string& call, const Choice& choice) {
    const auto milliseconds = [](double value) { return fmt::format("{:.3f} ms", value); };
    std::string text = "convolution " + call + ": ";
    if (choice.library == "own") {
        text += "Camber's kernels";
    } else {
        text += fmt::format("{} {}, {} (error {:.1e}), Camber's", choice.library, choice.plan,
                            milliseconds(choice.milliseconds), choice.error.value_or(0));
    }
    text += fmt::format(" {}; {} plans tried, {:.1f} s", milliseconds(choice.own_milliseconds), choice.tried.size(),
                        choice.planning_seconds);
    for (const Attempt& attempt : choice.tried) {
        if (attempt.outcome == "chosen" || attempt.outcome == "slower") continue;
        text += fmt::format("; passed over: {} {}, {}", attempt.library, attempt.plan, attempt.outcome);
        if (attempt.outcome == "differs")
            text += attempt.error ? fmt::format(" by {:.1e}", *attempt.error) : ", not finite";
    }
    return text;
}

}  // namespace

std::string describe_call(const ConvCall& call) {
    constexpr const char* kinds[] = {"response", "image gradient", "filter gradient"};
    const Conv2dParams& p = call.params;
    return fmt::format("{} {} image {} filter {} {} response {} stride {}x{} dilation {}x{} padding {} {} {} {}{}",
                       kinds[static_cast<int>(call.kind)], name(call.image.dtype()), call.image.shape().str(),
                       name(call.filter.dtype()), call.filter.shape().str(), call.response.shape().str(), p.stride_h,
                       p.stride_w, p.dilation_h, p.dilation_w, p.padding.top, p.padding.bottom, p.padding.left,
                       p.padding.right, call.bias ? " bias" : "");
}

MeasuredConvolutions::MeasuredConvolutions(std::vector<std::unique_ptr<ConvLibrary>> libraries,
                                           const ConvolutionSettings& settings, ChoiceCache cache, Report report,
                                           const MeasuringLimits& limits)
    : libraries_(std::move(libraries)),
      settings_(settings),
      cache_(std::move(cache)),
      report_(std::move(report)),
      limits_(limits) {}

void MeasuredConvolutions::run(const ConvCall& call) {
    if (call.image.numel() == 0 || call.response.numel() == 0 || !aligned(call.image) || !aligned(call.response))
        return own_convolution(call);
    if (settings_.choice == ConvolutionChoice::automatic && operations(call) < limits_.operations)
        return own_convolution(call);
    const std::string key = fmt::format("{}; {}{}{}", describe_call(call), settings_.tf32 ? "tf32 " : "",
                                        settings_.deterministic ? "deterministic " : "", name(settings_.choice));
    const std::lock_guard lock(mutex_);
    auto found = servers_.find(key);
    if (found == servers_.end()) {
        // Timing waits for the device, which a recording cannot.
        if (recording()) return own_convolution(call);
        std::optional<Server> server = recall(call, key);
        if (!server) server = choose(call, key);
        if (!server) return own_convolution(call);
        found = servers_.emplace(key, std::move(*server)).first;
    }
    const Server& server = found->second;
    if (!server) return own_convolution(call);
    server->run(call);
}

std::optional<MeasuredConvolutions::Server> MeasuredConvolutions::recall(const ConvCall& call, const std::string& key) {
    const std::optional<Choice> choice = cache_.find(key);
    if (!choice) return {};
    std::optional<Server> server;
    if (choice->library == "own") server.emplace();
    for (const std::unique_ptr<ConvLibrary>& library : libraries_) {
        if (library->name() != choice->library) continue;
        try {
            server = library->restore(call, choice->saved);
        } catch (const Error&) {
            // of another driver, perhaps: choose again
        }
    }
    if (server && report_) report_("kept " + describe(key, *choice));
    return server;
}

std::optional<MeasuredConvolutions::Server> MeasuredConvolutions::choose(const ConvCall& call, const std::string& key) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point start = Clock::now();
    std::optional<Trial> trial;
    try {
        trial.emplace(call, settings_);
    } catch (const Error&) {
        // no memory for it; another error shows again when Camber's kernels serve
    }
    if (!trial || !trial->telling()) {
        constexpr int most_undecided = 3;
        return ++undecided_[key] > most_undecided ? std::optional<Server>(Server()) : std::nullopt;
    }
    Choice choice;
    choice.own_milliseconds = trial->own_milliseconds();
    const bool automatic = settings_.choice == ConvolutionChoice::automatic;
    choice.milliseconds = automatic ? choice.own_milliseconds : std::numeric_limits<double>::infinity();

    Server fastest;
    const double end = trial->seconds() + limits_.seconds;
    for (const std::unique_ptr<ConvLibrary>& library : libraries_) {
        std::vector<std::unique_ptr<ConvPlan>> plans;
        try {
            plans = library->plans(call);
        } catch (const Error& error) {
            choice.tried.push_back({library->name(), "", {}, {}, std::string("refused: ") + error.what()});
        }
        for (std::unique_ptr<ConvPlan>& plan : plans) {
            if (trial->seconds() > end && (automatic || fastest)) break;
            Attempt attempt = trial->attempt(library->name(), *plan, choice.milliseconds);
            if (attempt.outcome == "slower" && *attempt.milliseconds < choice.milliseconds) {
                for (Attempt& before : choice.tried)
                    if (before.outcome == "chosen") before.outcome = "slower";
                attempt.outcome = "chosen";
                choice.library = library->name();
                choice.plan = attempt.plan;
                choice.milliseconds = *attempt.milliseconds;
                choice.error = attempt.error;
                fastest = std::move(plan);
            }
            choice.tried.push_back(std::move(attempt));
        }
    }
    if (fastest) {
        choice.saved = fastest->saved();
    } else {
        choice.milliseconds = choice.own_milliseconds;
    }
    choice.planning_seconds = std::chrono::duration<double>(Clock::now() - start).count();
    cache_.keep(key, choice);
    if (report_) report_(describe(key, choice));
    return fastest;
}

}  // namespace camber::CAMBER_GPU
