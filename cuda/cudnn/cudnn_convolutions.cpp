#include "cuda/cudnn/cudnn_convolutions.h"

#include <camber/error.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cuda/kernels/convert_channels.h"
#include "cuda/runtime/runtime.h"

namespace camber::cuda {
namespace {

using cudnn::ConvKind;
using cudnn::ConvProblem;

Conv2dParams as_convolution(const ConvTranspose2dParams& p) {
    return {.stride_h = p.stride_h, .stride_w = p.stride_w, .padding = p.crop};
}

constexpr std::int64_t chunk = 8;  ///< elements of bf16 in 16 bytes, which tensor cores are fed by

std::int64_t whole_chunks(std::int64_t channels) { return (channels + chunk - 1) / chunk * chunk; }

bool aligned(const Tensor& t) { return reinterpret_cast<std::uintptr_t>(t.raw()) % 16 == 0; }

Shape image_shape(const ConvProblem& p) { return {p.images, p.height, p.width, p.channels}; }
Shape filter_shape(const ConvProblem& p) { return {p.filters, p.kernel_h, p.kernel_w, p.channels}; }
Shape response_shape(const ConvProblem& p) { return {p.images, p.out_height, p.out_width, p.filters}; }

double operations(const ConvProblem& p) {
    return 2.0 * static_cast<double>(p.images * p.out_height * p.out_width) *
           static_cast<double>(p.filters * p.kernel_h * p.kernel_w * p.channels);
}

/// A GPU does fewer operations than these in the time that a launch takes: any kernel serves.
constexpr double worth_planning = 1e8;

/// `t` itself where it is what the plan reads or writes, else memory for that.
Tensor operand(const Tensor& t, const Shape& shape, Dtype dtype) {
    if (t.shape() == shape && t.dtype() == dtype && aligned(t)) return t;
    return Tensor::empty(shape, dtype, Device::cuda);
}

bool same(const Tensor& a, const Tensor& b) { return a.raw() == b.raw(); }

}  // namespace

ConvCall conv2d_call(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) {
    return {ConvKind::forward, x, w, y, bias, p};
}
ConvCall conv2d_backward_data_call(const Tensor& dy, const Tensor& w, const Tensor& dx, const Conv2dParams& p) {
    return {ConvKind::backward_data, dx, w, dy, {}, p};
}
ConvCall conv2d_backward_filter_call(const Tensor& x, const Tensor& dy, const Tensor& dw, const Conv2dParams& p) {
    return {ConvKind::backward_filter, x, dw, dy, {}, p};
}
ConvCall conv_transpose2d_call(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                               const ConvTranspose2dParams& p) {
    return {ConvKind::backward_data, y, w, x, bias, as_convolution(p)};
}
ConvCall conv_transpose2d_backward_data_call(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                             const ConvTranspose2dParams& p) {
    return {ConvKind::forward, dy, w, dx, {}, as_convolution(p)};
}
ConvCall conv_transpose2d_backward_filter_call(const Tensor& x, const Tensor& dy, const Tensor& dw,
                                               const ConvTranspose2dParams& p) {
    return {ConvKind::backward_filter, dy, dw, x, {}, as_convolution(p)};
}

std::vector<ConvVariant> conv_variants(const ConvCall& call) {
    const Dtype dtype = call.image.dtype();
    const Padding& pad = call.params.padding;
    // Whole chunks of channels may be eight times as many elements.
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max() / 16;
    const auto countable = [](const Tensor& t) {
        return t.numel() > 0 && t.numel() / t.shape().back() * whole_chunks(t.shape().back()) <= 8 * most;
    };
    if ((dtype != Dtype::f32 && dtype != Dtype::bf16) || !countable(call.image) || !countable(call.filter) ||
        !countable(call.response) || std::min({pad.top, pad.bottom, pad.left, pad.right}) < 0)
        return {};

    std::vector<ConvVariant> variants;
    const auto add = [&](std::string name, const ConvProblem& problem) {
        variants.push_back({std::move(name), problem});
    };
    const auto add_with_bias = [&](const std::string& name, ConvProblem problem) {
        // cuDNN compiles what adds a bias to bf16; the plans that it has ready do not, and need a pass more.
        if (call.bias) {
            problem.bias = true;
            add(name + " with bias", problem);
            problem.bias = false;
        }
        add(name, problem);
        if (call.kind == ConvKind::backward_filter && dtype == Dtype::bf16) {
            problem.filter_dtype = Dtype::f32;
            add(name + " to f32", problem);
        }
    };
    const ConvProblem plain = cudnn::conv_problem(call.kind, dtype, call.image.shape(), call.filter.shape(),
                                                  call.response.shape(), call.params);
    add_with_bias("plain", plain);
    if (dtype == Dtype::bf16) {
        ConvProblem padded = plain;
        padded.channels = whole_chunks(plain.channels);
        padded.filters = whole_chunks(plain.filters);
        if (padded.channels != plain.channels || padded.filters != plain.filters) add_with_bias("padded", padded);
    }
    return variants;
}

CudnnConvolutions::CudnnConvolutions(const cudnn::Api& api, OwnConvolutions& own, const ConvolutionSettings& settings)
    : api_(api),
      own_(own),
      settings_(settings),
      limits_{.tf32 = settings.tf32, .deterministic = settings.deterministic},
      cache_(cudnn::plan_folder(fmt::format("{}-sm{}{}-{}", device_properties().name, device_properties().compute_major,
                                            device_properties().compute_minor, device_properties().multiprocessors),
                                cudnn::version_text(api.version))) {
    cudnn::check(api, api.Create(&handle_), "cudnnCreate", "opening cuDNN");
    cudnn::check(api, api.SetStream(handle_, compute_stream()), "cudnnSetStream", "opening cuDNN");
    target_.emplace(api, handle_);
    try {
        // So that plans for this GPU can be looked at where there is none.
        cache_.keep_once("device.json", cudnn::describe_device(api, 0));
    } catch (const Error&) {
        // Nothing here depends on it.
    }
}

void CudnnConvolutions::conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                               const Conv2dParams& p) {
    run(conv2d_call(x, w, bias, y, p), [&] { own_.conv2d(x, w, bias, y, p); });
}
void CudnnConvolutions::conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                             const Conv2dParams& p) {
    run(conv2d_backward_data_call(dy, w, dx, p), [&] { own_.conv2d_backward_data(dy, w, dx, p); });
}
void CudnnConvolutions::conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                               const Conv2dParams& p) {
    run(conv2d_backward_filter_call(x, dy, dw, p), [&] { own_.conv2d_backward_filter(x, dy, dw, {}, p); });
    if (db) convolution_bias_gradient(dy, db);
}
void CudnnConvolutions::conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                                         const ConvTranspose2dParams& p) {
    run(conv_transpose2d_call(x, w, bias, y, p), [&] { own_.conv_transpose2d(x, w, bias, y, p); });
}
void CudnnConvolutions::conv_transpose2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                                       const ConvTranspose2dParams& p) {
    run(conv_transpose2d_backward_data_call(dy, w, dx, p), [&] { own_.conv_transpose2d_backward_data(dy, w, dx, p); });
}
void CudnnConvolutions::conv_transpose2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw,
                                                         const Tensor& db, const ConvTranspose2dParams& p) {
    run(conv_transpose2d_backward_filter_call(x, dy, dw, p),
        [&] { own_.conv_transpose2d_backward_filter(x, dy, dw, {}, p); });
    if (db) convolution_bias_gradient(dy, db);
}

void CudnnConvolutions::run(const ConvCall& call, const Own& own) {
    // Plans expect 16-byte aligned operands; the filter is converted where it is not.
    std::vector<ConvVariant> variants = conv_variants(call);
    if (variants.empty() || !aligned(call.image) || !aligned(call.response)) return own();
    if (settings_.choice == ConvolutionChoice::automatic && operations(variants[0].problem) < worth_planning)
        return own();
    const std::string key = fmt::format("{}; {}; {}", variants[0].problem.key(), limits_.key(), name(settings_.choice));
    const std::lock_guard lock(mutex_);
    auto found = servers_.find(key);
    if (found == servers_.end()) {
        // Timing waits for the device, which a recording cannot.
        if (recording()) return own();
        std::optional<Server> kept = recall(key, variants);
        found = servers_.emplace(key, kept ? std::move(*kept) : choose(call, key, std::move(variants), own)).first;
    }
    const Server& server = found->second;
    if (!server.plan) return own();
    execute(call, server.variant, *server.plan);
}

std::optional<CudnnConvolutions::Server> CudnnConvolutions::recall(const std::string& key,
                                                                   const std::vector<ConvVariant>& variants) const {
    const std::optional<cudnn::Choice> choice = cache_.find(key);
    if (!choice) return {};
    if (choice->plan.empty()) return Server{};
    for (const ConvVariant& variant : variants) {
        if (variant.name != choice->variant) continue;
        try {
            return Server{variant, cudnn::restore_plan(*target_, choice->plan, choice->engine)};
        } catch (const Error&) {
            return {};  // of another driver, perhaps: choose again
        }
    }
    return {};
}

CudnnConvolutions::Server CudnnConvolutions::choose(const ConvCall& call, const std::string& key,
                                                    std::vector<ConvVariant> variants, const Own& own) {
    Event start, end;
    double best = std::numeric_limits<double>::infinity();
    const auto time = [&](const auto& work) {
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
    };
    if (settings_.choice == ConvolutionChoice::automatic) best = time(own);

    Server fastest;
    for (ConvVariant& variant : variants) {
        std::vector<cudnn::ConvPlan> plans;
        try {
            plans = cudnn::make_plans(*target_, variant.problem, limits_);
        } catch (const Error&) {
            continue;  // a problem that cuDNN does not accept at all
        }
        for (cudnn::ConvPlan& plan : plans) {
            try {
                const double milliseconds = time([&] { execute(call, variant, plan); });
                if (milliseconds >= best) continue;
                best = milliseconds;
            } catch (const Error&) {
                continue;  // planned, but refused when run
            }
            fastest.plan.reset();
            fastest.plan.emplace(std::move(plan));
            fastest.variant = variant;
        }
    }
    const bool own_serves = !fastest.plan;
    cache_.keep(key, {.variant = own_serves ? "own" : fastest.variant.name,
                      .engine = own_serves ? "" : fastest.plan->engine(),
                      .plan = own_serves ? "" : fastest.plan->json(),
                      .milliseconds = std::isfinite(best) ? best : 0});
    return fastest;
}

void CudnnConvolutions::execute(const ConvCall& call, const ConvVariant& variant, const cudnn::ConvPlan& plan) const {
    const ConvProblem& p = variant.problem;
    const ConvKind kind = call.kind;
    const Tensor image = operand(call.image, image_shape(p), p.dtype);
    const Tensor filter = operand(call.filter, filter_shape(p), p.filter_dtype);
    const Tensor response = operand(call.response, response_shape(p), p.dtype);
    const auto fetch = [](const Tensor& from, const Tensor& to) {
        if (!same(from, to)) convert_channels(from, to);
    };
    if (kind != ConvKind::backward_data) fetch(call.image, image);
    if (kind != ConvKind::backward_filter) fetch(call.filter, filter);
    if (kind != ConvKind::forward) fetch(call.response, response);

    // A fused bias has as many channels as the problem.
    Tensor bias = p.bias ? call.bias : Tensor();
    const std::int64_t bias_channels = kind == ConvKind::forward ? p.filters : p.channels;
    if (bias && (bias.numel() != bias_channels || !aligned(bias))) {
        const Tensor whole = Tensor::empty({bias_channels}, Dtype::f32, Device::cuda);
        convert_channels(bias, whole);
        bias = whole;
    }

    constexpr std::uintptr_t alignment = 256;
    Tensor workspace;
    void* room = nullptr;
    if (plan.workspace_bytes() > 0) {
        workspace =
            Tensor::empty({plan.workspace_bytes() + static_cast<std::int64_t>(alignment)}, Dtype::u8, Device::cuda);
        const auto address = reinterpret_cast<std::uintptr_t>(workspace.raw());
        room = reinterpret_cast<void*>((address + alignment - 1) / alignment * alignment);
    }
    plan.execute(
        api_, handle_,
        {.image = image.raw(), .filter = filter.raw(), .response = response.raw(), .bias = bias ? bias.raw() : nullptr},
        room);

    const Tensor& made = kind == ConvKind::forward ? response : kind == ConvKind::backward_data ? image : filter;
    const Tensor& wanted = kind == ConvKind::forward         ? call.response
                           : kind == ConvKind::backward_data ? call.image
                                                             : call.filter;
    const Tensor bias_left = p.bias ? Tensor() : call.bias;
    if (!same(made, wanted) || bias_left) convert_channels(made, wanted, bias_left);
}

}  // namespace camber::cuda
