#include "cuda/convolutions/measured_convolutions.h"

#include <camber/error.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {
namespace {

bool aligned(const Tensor& t) { return reinterpret_cast<std::uintptr_t>(t.raw()) % 16 == 0; }

double operations(const ConvCall& call) {
    const double taps = static_cast<double>(call.filter.numel()) / static_cast<double>(call.filter.dim(0));
    return 2 * static_cast<double>(call.response.numel()) * taps;
}

/// The least of three, in milliseconds.
template <class Work>
double time(const Work& work) {
    Event start, end;
    work();  // loads kernels and takes scratch memory
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 3; ++i) {
        start.record(StreamKind::compute);
        work();
        end.record(StreamKind::compute);
        end.wait();
        least = std::min<double>(least, end.milliseconds_since(start));
    }
    return least;
}

}  // namespace

std::string describe_call(const ConvCall& call) {
    constexpr const char* kinds[] = {"response", "image gradient", "filter gradient"};
    const Conv2dParams& p = call.params;
    return fmt::format("{} {} image {} filter {} response {} stride {}x{} dilation {}x{} padding {} {} {} {}{}",
                       kinds[static_cast<int>(call.kind)], name(call.image.dtype()), call.image.shape().str(),
                       call.filter.shape().str(), call.response.shape().str(), p.stride_h, p.stride_w, p.dilation_h,
                       p.dilation_w, p.padding.top, p.padding.bottom, p.padding.left, p.padding.right,
                       call.bias ? " bias" : "");
}

MeasuredConvolutions::MeasuredConvolutions(std::vector<std::unique_ptr<ConvLibrary>> libraries,
                                           const ConvolutionSettings& settings, ChoiceCache cache, double small)
    : libraries_(std::move(libraries)), settings_(settings), cache_(std::move(cache)), small_(small) {}

void MeasuredConvolutions::run(const ConvCall& call) {
    if (call.image.numel() == 0 || call.response.numel() == 0 || !aligned(call.image) || !aligned(call.response))
        return own_convolution(call);
    if (settings_.choice == ConvolutionChoice::automatic && operations(call) < small_) return own_convolution(call);
    const std::string key = fmt::format("{}; {}{}{}", describe_call(call), settings_.tf32 ? "tf32 " : "",
                                        settings_.deterministic ? "deterministic " : "", name(settings_.choice));
    const std::lock_guard lock(mutex_);
    auto found = servers_.find(key);
    if (found == servers_.end()) {
        // Timing waits for the device, which a recording cannot.
        if (recording()) return own_convolution(call);
        std::optional<Server> kept = recall(call, key);
        found = servers_.emplace(key, kept ? std::move(*kept) : choose(call, key)).first;
    }
    const Server& server = found->second;
    if (!server) return own_convolution(call);
    server->run(call);
}

std::optional<MeasuredConvolutions::Server> MeasuredConvolutions::recall(const ConvCall& call, const std::string& key) {
    const std::optional<Choice> choice = cache_.find(key);
    if (!choice) return {};
    if (choice->library == "own") return Server();
    for (const std::unique_ptr<ConvLibrary>& library : libraries_) {
        if (library->name() != choice->library) continue;
        try {
            return library->restore(call, choice->saved);
        } catch (const Error&) {
            return {};  // of another driver, perhaps: choose again
        }
    }
    return {};
}

MeasuredConvolutions::Server MeasuredConvolutions::choose(const ConvCall& call, const std::string& key) {
    Server fastest;
    Choice choice{.library = "own", .plan = "", .saved = "", .milliseconds = std::numeric_limits<double>::infinity()};
    if (settings_.choice == ConvolutionChoice::automatic) choice.milliseconds = time([&] { own_convolution(call); });
    for (const std::unique_ptr<ConvLibrary>& library : libraries_) {
        std::vector<std::unique_ptr<ConvPlan>> plans;
        try {
            plans = library->plans(call);
        } catch (const Error&) {
            continue;
        }
        for (std::unique_ptr<ConvPlan>& plan : plans) {
            try {
                const double milliseconds = time([&] { plan->run(call); });
                if (milliseconds >= choice.milliseconds) continue;
                choice = {library->name(), plan->text(), plan->saved(), milliseconds};
                fastest = std::move(plan);
            } catch (const Error&) {
                // planned, but refused when run
            }
        }
    }
    if (!std::isfinite(choice.milliseconds)) choice.milliseconds = 0;
    cache_.keep(key, choice);
    return fastest;
}

}  // namespace camber::CAMBER_GPU
