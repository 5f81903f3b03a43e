#include "cuda/cudnn/cudnn_convolutions.h"

#include <camber/error.h>

#include <algorithm>
#include <limits>

#include "cuda/convolutions/operands.h"
#include "cuda/kernels/convert_channels.h"
#include "cuda/runtime/runtime.h"

namespace camber::cuda {
namespace {

using cudnn::ConvProblem;

constexpr std::int64_t chunk = 8;  ///< elements of bf16 in 16 bytes, which tensor cores are fed by

std::int64_t whole_chunks(std::int64_t channels) { return (channels + chunk - 1) / chunk * chunk; }

/// An engine that computes a variant of calls.
class CudnnPlan final : public ConvPlan {
  public:
    CudnnPlan(const cudnn::Api& api, cudnnHandle_t handle, ConvVariant variant, cudnn::EnginePlan plan)
        : api_(api), handle_(handle), variant_(std::move(variant)), plan_(std::move(plan)) {}

    std::string text() const override { return variant_.name + ": " + plan_.engine(); }
    std::string saved() const override {
        return fmt::format("{}\n{}\n{}", variant_.name, plan_.engine(), plan_.json());
    }
    void run(const ConvCall& call) const override;

  private:
    const cudnn::Api& api_;
    cudnnHandle_t handle_;
    ConvVariant variant_;
    cudnn::EnginePlan plan_;
};

/// A variant that cuDNN has no plan for.
class NoPlan final : public ConvPlan {
  public:
    NoPlan(std::string variant, std::string why) : variant_(std::move(variant)), why_(std::move(why)) {}
    std::string text() const override { return variant_; }
    std::string saved() const override { return {}; }
    void run(const ConvCall&) const override { throw Error(why_); }

  private:
    std::string variant_, why_;
};

void CudnnPlan::run(const ConvCall& call) const {
    const ConvProblem& p = variant_.problem;
    const ConvOperands operands(call, p.channels, p.filters, p.dtype, p.filter_dtype);
    // A fused bias has as many channels as the problem.
    Tensor bias = p.bias ? call.bias : Tensor();
    const std::int64_t bias_channels = call.kind == ConvKind::forward ? p.filters : p.channels;
    if (bias && (bias.numel() != bias_channels || reinterpret_cast<std::uintptr_t>(bias.raw()) % 16 != 0)) {
        const Tensor whole = Tensor::empty({bias_channels}, Dtype::f32, this_device);
        convert_channels(bias, whole);
        bias = whole;
    }
    const Workspace workspace(plan_.workspace_bytes());
    plan_.execute(api_, handle_,
                  {.image = operands.image().raw(),
                   .filter = operands.filter().raw(),
                   .response = operands.response().raw(),
                   .bias = bias ? bias.raw() : nullptr},
                  workspace.data());
    operands.deliver(p.bias ? Tensor() : call.bias);
}

}  // namespace

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
    const auto add = [&](const std::string& name, const ConvProblem& problem) {
        // What adds a bias to bf16 or makes f32 of it.
        const bool compiled = dtype == Dtype::bf16 && (problem.bias || problem.filter_dtype != dtype);
        variants.push_back({name, problem, compiled});
    };
    const auto add_with_bias = [&](const std::string& name, ConvProblem problem) {
        problem.bias = call.bias.defined();
        if (problem.bias) add(name + " with bias", problem);
    };
    const auto add_to_f32 = [&](const std::string& name, ConvProblem problem) {
        // Such plans do not share a sum over the pixels out among blocks: only for filters of so many tiles of 256x64
        // as a GPU has multiprocessors.
        problem.filter_dtype = Dtype::f32;
        if (call.kind == ConvKind::backward_filter && call.filter.numel() >= std::int64_t{128} * 256 * 64)
            add(name + " to f32", problem);
    };
    const ConvProblem plain = cudnn::conv_problem(call.kind, dtype, call.image.shape(), call.filter.shape(),
                                                  call.response.shape(), call.params);
    if (dtype == Dtype::f32) {
        add_with_bias("plain", plain);
        add("plain", plain);
        return variants;
    }
    // What is compiled wants whole chunks; the plans that are ready need a pass more.
    ConvProblem padded = plain;
    padded.channels = whole_chunks(plain.channels);
    padded.filters = whole_chunks(plain.filters);
    const bool whole = padded.channels == plain.channels && padded.filters == plain.filters;
    const char* const name = whole ? "plain" : "padded";
    add_with_bias(name, padded);
    add(name, padded);
    add_to_f32(name, padded);
    if (!whole) add("plain", plain);
    return variants;
}

CudnnConvolutions::CudnnConvolutions(const cudnn::Api& api, const ConvolutionSettings& settings)
    : api_(api), limits_{.tf32 = settings.tf32, .deterministic = settings.deterministic} {
    cudnn::check(api, api.Create(&handle_), "cudnnCreate", "opening cuDNN");
    cudnn::check(api, api.SetStream(handle_, compute_stream()), "cudnnSetStream", "opening cuDNN");
    target_.emplace(api, handle_);
}

std::vector<VariantPlan> plan_variants(const cudnn::Target& target, const ConvCall& call,
                                       const cudnn::PlanLimits& limits, cudnn::CompileTime& time) {
    std::vector<VariantPlan> plans;
    for (const ConvVariant& variant : conv_variants(call)) {
        std::string why = "no time is left for compiling";
        if (!variant.compiled || time.left > 0) {
            try {
                for (cudnn::EnginePlan& plan : cudnn::make_plans(target, variant.problem, limits, {}, &time, &why))
                    plans.push_back({variant, std::move(plan), ""});
            } catch (const Error& error) {
                why = error.what();  // a problem that cuDNN does not accept at all
            }
        }
        if (!why.empty()) plans.push_back({variant, {}, why});
    }
    return plans;
}

std::vector<std::unique_ptr<ConvPlan>> CudnnConvolutions::plans(const ConvCall& call) {
    std::vector<std::unique_ptr<ConvPlan>> plans;
    for (VariantPlan& made : plan_variants(*target_, call, limits_, compile_time_)) {
        if (made.plan) {
            plans.push_back(std::make_unique<CudnnPlan>(api_, handle_, made.variant, std::move(*made.plan)));
        } else {
            plans.push_back(std::make_unique<NoPlan>(made.variant.name, made.why));
        }
    }
    return plans;
}

std::unique_ptr<ConvPlan> CudnnConvolutions::restore(const ConvCall& call, const std::string& saved) {
    const std::size_t name_end = saved.find('\n'), engine_end = saved.find('\n', name_end + 1);
    if (name_end == saved.npos || engine_end == saved.npos) fail("not a plan of cuDNN's");
    const std::string variant_name = saved.substr(0, name_end);
    for (const ConvVariant& variant : conv_variants(call)) {
        if (variant.name != variant_name) continue;
        return std::make_unique<CudnnPlan>(api_, handle_, variant,
                                           cudnn::restore_plan(*target_, saved.substr(engine_end + 1),
                                                               saved.substr(name_end + 1, engine_end - name_end - 1)));
    }
    fail("no variant '{}' of {}", variant_name, call.name);
}

}  // namespace camber::cuda
