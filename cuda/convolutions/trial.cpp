#include "cuda/convolutions/trial.h"

#include <camber/error.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cuda/convolutions/operands.h"
#include "cuda/kernels/compare.h"

namespace camber::CAMBER_GPU {
namespace {

Tensor& result_of(ConvCall& call) {
    switch (call.kind) {
        case ConvKind::forward:
            return call.response;
        case ConvKind::backward_data:
            return call.image;
        case ConvKind::backward_filter:
            return call.filter;
    }
    fail("no such convolution");
}

ConvCall with_result(ConvCall call, const Tensor& result) {
    result_of(call) = result;
    return call;
}

/// Largest Difference::relative() between right results.
double tolerance(const ConvCall& call, const ConvolutionSettings& settings) {
    // Two bf16 results of the same sums are a unit in the last place apart, 2^-7; a bias or one of two partial sums
    // may have been rounded before. A filter's gradient is a sum over up to a million pixels, of which tensor cores cut
    // off the last bits at every sixteenth: half a percent. TF32 rounds operands to 2^-11, which grows where large
    // terms cancel, as they do in gradients. What is wrong is off by about the size of the result.
    if (call.image.dtype() == Dtype::bf16 || settings.tf32) return 1.0 / 64;
    return 1e-3;  // the order of f32 sums, and again cancellation
}

/// Numbers of the size of `scale`, of both signs and with a period that is no power of two.
Tensor probe_bias(std::int64_t channels, double scale) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < channels; ++i)
        values.push_back(static_cast<float>(scale * static_cast<double>(i % 13 - 6) / 6));
    return Tensor::from<float>(values, {channels}, this_device);
}

}  // namespace

Trial::Trial(const ConvCall& call, const ConvolutionSettings& settings)
    : scope_(pool_),
      call_(call),
      result_(result_of(call_)),
      own_(Tensor::empty(result_.shape(), result_.dtype(), this_device)),
      tolerance_(tolerance(call, settings)),
      deterministic_(settings.deterministic) {
    call_.bias = {};
    own_convolution(with_result(call_, own_));
    const Difference size = compare(own_, own_);
    telling_ = size.telling();
    if (!call.bias || !telling_) return;
    // Biases begin as zeros, which do not show whether they were added.
    call_.bias = probe_bias(call.bias.numel(), size.largest);
    own_convolution(with_result(call_, own_));
}

double Trial::own_milliseconds() {
    return milliseconds_recorded([&] { own_convolution(call_); }, std::numeric_limits<double>::infinity());
}

Attempt Trial::attempt(const std::string& library, const ConvPlan& plan, double best) {
    Attempt attempt{.library = library, .plan = plan.text(), .milliseconds = {}, .error = {}, .outcome = "slower"};
    try {
        Poison::spread(result_);
        {
            const Poison poison;
            plan.run(call_);
        }
        const Difference first = compare(own_, result_);
        if (std::isfinite(first.relative())) attempt.error = first.relative();
        if (!(first.relative() <= tolerance_)) {
            attempt.outcome = "differs";
            return attempt;
        }
        Poison::spread(result_);
        attempt.milliseconds = milliseconds_recorded([&] { plan.run(call_); }, best);
        // Replayed, and after many runs: the same bits give the same sums.
        const Difference last = compare(own_, result_);
        if (deterministic_ ? last != first : !(last.relative() <= tolerance_)) attempt.outcome = "differs";
    } catch (const Error& error) {
        attempt.outcome = std::string("refused: ") + error.what();
        try {
            synchronize();
        } catch (const Error& sticky) {
            fail("{}'s plan '{}' left the device unusable: {}", library, attempt.plan, sticky.what());
        }
    }
    return attempt;
}

double Trial::milliseconds(const std::function<void()>& work) {
    start_.record(StreamKind::compute);
    work();
    end_.record(StreamKind::compute);
    end_.wait();
    const double passed = static_cast<double>(end_.milliseconds_since(start_));
    seconds_ += passed / 1000;
    return passed;
}

/// As a training step runs it: recorded, without the host between launches, one call after another. That keeps the
/// operands of small calls in the L2 cache, where in a step too they just have been written or are read again.
double Trial::milliseconds_recorded(const std::function<void()>& work, double best) {
    work();  // loads kernels and takes memory
    const double look = milliseconds(work);
    constexpr double launches = 0.1;  // what starting on an idle device may add
    if (look > 2 * best + launches) return look;
    constexpr double enough = 1;
    const int calls = std::clamp(static_cast<int>(enough / std::max(look, 1e-3)), 3, 32);
    Graph graph([&] {
        for (int i = 0; i < calls; ++i) work();
    });
    graph.replay();  // brings it to the device
    double least = std::numeric_limits<double>::infinity();
    for (int round = 0; round < 2; ++round) least = std::min(least, milliseconds([&] { graph.replay(); }));
    return least / calls;
}

}  // namespace camber::CAMBER_GPU
