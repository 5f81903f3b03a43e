#include "cuda/cudnn/conv_plan.h"

#include <camber/error.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <set>

namespace camber::cudnn {
namespace {

/// Unique identifiers of the tensors in a graph.
enum : std::int64_t { image_id = 1, filter_id, response_id, bias_id, sum_id };

cudnnDataType_t data_type(Dtype dtype) {
    if (dtype == Dtype::bf16) return CUDNN_DATA_BFLOAT16;
    if (dtype == Dtype::f32) return CUDNN_DATA_FLOAT;
    fail("cuDNN convolutions are in f32 and bf16, not {}", name(dtype));
}

/// The operations of a problem and all they are made of.
class ConvGraph {
  public:
    ConvGraph(const Target& target, const ConvProblem& p) : api_(target.api()), graph_(make_operations(target, p)) {}
    const Descriptor& graph() const { return graph_; }

  private:
    Descriptor& make(cudnnBackendDescriptorType_t type, const char* what) {
        return parts_.emplace_back(api_, type, what);
    }

    /// Dimensions in cuDNN's order, channels after the outermost; in memory channels are innermost.
    Descriptor& tensor(std::int64_t id, const char* what, Dtype dtype, std::int64_t outer, std::int64_t channels,
                       std::int64_t height, std::int64_t width, bool in_memory = true) {
        Descriptor& t = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR, what);
        t.set_value(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, data_type(dtype));
        t.set_int64(CUDNN_ATTR_TENSOR_DIMENSIONS, {outer, channels, height, width});
        t.set_int64(CUDNN_ATTR_TENSOR_STRIDES, {height * width * channels, 1, width * channels, channels});
        t.set_value(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id);
        t.set_value(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, std::int64_t{16});
        if (!in_memory) t.set_value(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, true);
        t.finalize();
        return t;
    }

    Descriptor& image(const ConvProblem& p, std::int64_t id, bool in_memory = true) {
        return tensor(id, "the image", in_memory ? p.dtype : Dtype::f32, p.images, p.channels, p.height, p.width,
                      in_memory);
    }
    Descriptor& response(const ConvProblem& p, std::int64_t id, bool in_memory = true) {
        return tensor(id, "the response", in_memory ? p.dtype : Dtype::f32, p.images, p.filters, p.out_height,
                      p.out_width, in_memory);
    }
    Descriptor& filter(const ConvProblem& p, std::int64_t id, bool in_memory = true) {
        return tensor(id, "the filter", p.filter_dtype, p.filters, p.channels, p.kernel_h, p.kernel_w, in_memory);
    }

    Descriptor& convolution(const Conv2dParams& p) {
        Descriptor& c = make(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "the convolution");
        c.set_value(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
        c.set_value(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION);
        c.set_value(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, std::int64_t{2});
        c.set_int64(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {p.stride_h, p.stride_w});
        c.set_int64(CUDNN_ATTR_CONVOLUTION_DILATIONS, {p.dilation_h, p.dilation_w});
        c.set_int64(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {p.padding.top, p.padding.left});
        c.set_int64(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {p.padding.bottom, p.padding.right});
        c.finalize();
        return c;
    }

    void pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor* b, const Descriptor& y) {
        Descriptor& function = make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "a pointwise function");
        function.set_value(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
        function.set_value(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
        function.finalize();
        Descriptor& operation = make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "a pointwise operation");
        operation.set_descriptor(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, function);
        operation.set_descriptor(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
        if (b) operation.set_descriptor(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
        operation.set_descriptor(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
        operation.finalize();
        operations_.push_back(operation.raw());
    }

    struct OperationAttributes {
        cudnnBackendDescriptorType_t type;
        cudnnBackendAttributeName_t image, filter, response, convolution, alpha, beta;
    };
    static OperationAttributes attributes(ConvKind kind) {
        switch (kind) {
            case ConvKind::forward:
                return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
            case ConvKind::backward_data:
                return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
            case ConvKind::backward_filter:
                return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
        }
        fail("no such convolution");
    }

    Descriptor make_operations(const Target& target, const ConvProblem& p) {
        // No engine computes an f32 filter gradient of bf16 by itself; with a pointwise operation after it there is
        // one.
        const bool widened = p.kind == ConvKind::backward_filter && p.filter_dtype != p.dtype;
        const bool forward = p.kind == ConvKind::forward, data = p.kind == ConvKind::backward_data;
        const Descriptor& x = image(p, data && p.bias ? sum_id : image_id, !(data && p.bias));
        const Descriptor& w = filter(p, widened ? sum_id : filter_id, !widened);
        const Descriptor& y = response(p, forward && p.bias ? sum_id : response_id, !(forward && p.bias));

        const OperationAttributes names = attributes(p.kind);
        Descriptor& operation = make(names.type, "the convolution's operation");
        operation.set_descriptor(names.image, x);
        operation.set_descriptor(names.filter, w);
        operation.set_descriptor(names.response, y);
        operation.set_descriptor(names.convolution, convolution(p.params));
        operation.set_value(names.alpha, CUDNN_TYPE_FLOAT, 1.0f);
        operation.set_value(names.beta, CUDNN_TYPE_FLOAT, 0.0f);
        operation.finalize();
        operations_.push_back(operation.raw());

        if (widened) pointwise(CUDNN_POINTWISE_IDENTITY, w, nullptr, filter(p, filter_id));
        if (p.bias) {
            const Descriptor& bias = tensor(bias_id, "the bias", Dtype::f32, 1, forward ? p.filters : p.channels, 1, 1);
            if (forward) {
                pointwise(CUDNN_POINTWISE_ADD, y, &bias, response(p, response_id));
            } else {
                pointwise(CUDNN_POINTWISE_ADD, x, &bias, image(p, image_id));
            }
        }
        Descriptor graph(api_, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "the graph of " + p.key());
        target.apply_to_graph(graph);
        graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                  static_cast<std::int64_t>(operations_.size()), operations_.data());
        graph.finalize();
        return graph;
    }

    const Api& api_;
    std::deque<Descriptor> parts_;  // addresses stay
    std::vector<cudnnBackendDescriptor_t> operations_;
    Descriptor graph_;
};

/// An engine with its knobs set, and what is known of it before a plan is made.
struct Offer {
    Descriptor configuration;
    std::int64_t engine = 0;
    std::string text;  ///< the same for the same engine and knobs
    bool compiled = false, native = false;
    bool deterministic = true, tensor_core = false, other_arithmetic = false;
};

/// The engines that cuDNN compiles for compute capability 9.0; no attribute tells them from those for 8.0.
bool compiled_natively(std::int64_t engine) { return engine == 2 || engine == 4; }

Offer make_offer(const Api& api, Descriptor configuration) {
    std::vector<Descriptor> engine;
    engine.emplace_back(api, CUDNN_BACKEND_ENGINE_DESCRIPTOR, "an engine");
    configuration.get_descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
    Offer offer{.configuration = std::move(configuration),
                .engine = engine[0].get_int64(CUDNN_ATTR_ENGINE_GLOBAL_INDEX),
                .text = ""};

    std::vector<cudnnBackendBehaviorNote_t> behaviour(16);
    behaviour.resize(
        static_cast<std::size_t>(engine[0].get(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE, behaviour)));
    for (const cudnnBackendBehaviorNote_t note : behaviour)
        offer.compiled |= note == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
    offer.native = offer.compiled && compiled_natively(offer.engine);

    std::string settings;
    std::vector<Descriptor> knobs;
    for (int i = 0; i < CUDNN_KNOB_TYPE_COUNTS; ++i)
        knobs.emplace_back(api, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, "a knob");
    const std::int64_t knob_count = offer.configuration.get_descriptors(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, knobs);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(knob_count, CUDNN_KNOB_TYPE_COUNTS); ++i) {
        const Descriptor& knob = knobs[static_cast<std::size_t>(i)];
        std::vector<cudnnBackendKnobType_t> type(1);
        knob.get(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, type);
        settings += fmt::format(" {}={}", static_cast<int>(type[0]), knob.get_int64(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
        // The extents of a cluster of thread blocks, which compute capability 9.0 brought.
        offer.native |= type[0] == CUDNN_KNOB_TYPE_TILE_CGA_M || type[0] == CUDNN_KNOB_TYPE_TILE_CGA_N;
    }
    offer.text = fmt::format("engine {}{}{}, knobs{}", offer.engine, offer.native ? " native" : "",
                             offer.compiled ? " compiled" : "", settings);

    std::vector<cudnnBackendNumericalNote_t> numerical(32);
    numerical.resize(static_cast<std::size_t>(
        engine[0].get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, numerical)));
    for (const cudnnBackendNumericalNote_t note : numerical) {
        switch (note) {
            case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
                offer.deterministic = false;
                break;
            case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
            case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
                offer.tensor_core = true;
                break;
            case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
            case CUDNN_NUMERICAL_NOTE_FFT:
            case CUDNN_NUMERICAL_NOTE_WINOGRAD:
                offer.other_arithmetic = true;
                break;
            default:
                break;
        }
    }
    return offer;
}

std::vector<Descriptor> configurations(const Target& target, const Descriptor& graph, cudnnBackendHeurMode_t mode) {
    const Api& api = target.api();
    Descriptor heuristics(api, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "the engine heuristics");
    heuristics.set_descriptor(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristics.set_value(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
    target.apply_to_heuristics(heuristics);
    std::vector<Descriptor> found;
    if (!heuristics.try_finalize().empty()) return found;  // no engine at all, in this mode
    const std::int64_t most = heuristics.get_descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, found);
    if (most == 0) return found;
    for (std::int64_t i = 0; i < most; ++i)
        found.emplace_back(api, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "an engine configuration");
    const std::int64_t count = heuristics.get_descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, found);
    while (static_cast<std::int64_t>(found.size()) > count) found.pop_back();  // fewer than it said at first
    return found;
}

/// The order in which plans are made: native engines as the heuristics have them, then the first offer of every other
/// engine, then the rest. So that what is left out is like something that is not: knobs of the same engine.
std::vector<const Offer*> ranked(const std::vector<Offer>& offers) {
    constexpr std::size_t native_first = 7;  // so many; the heuristics' order is a good guess, but a guess
    std::vector<const Offer*> first, second, rest;
    std::set<std::int64_t> met;
    for (const Offer& offer : offers) {
        const bool leads = met.insert(offer.engine).second;
        (offer.native && first.size() < native_first ? first : leads ? second : rest).push_back(&offer);
    }
    first.insert(first.end(), second.begin(), second.end());
    first.insert(first.end(), rest.begin(), rest.end());
    return first;
}

}  // namespace

std::string ConvProblem::key() const {
    const char* const kinds[] = {"forward", "backward_data", "backward_filter"};
    const Padding& pad = params.padding;
    return fmt::format(
        "{} {}{} image {}x{}x{}x{} filter {}x{}x{} to {}x{} stride {}x{} dilation {}x{} padding {} {} {} {}{}",
        kinds[static_cast<int>(kind)], name(dtype),
        filter_dtype == dtype ? "" : fmt::format(" to {}", name(filter_dtype)), images, height, width, channels,
        filters, kernel_h, kernel_w, out_height, out_width, params.stride_h, params.stride_w, params.dilation_h,
        params.dilation_w, pad.top, pad.bottom, pad.left, pad.right, bias ? " bias" : "");
}

ConvProblem conv_problem(ConvKind kind, Dtype dtype, const Shape& image, const Shape& filter, const Shape& response,
                         const Conv2dParams& params) {
    return {.kind = kind,
            .dtype = dtype,
            .filter_dtype = dtype,
            .images = image[0],
            .height = image[1],
            .width = image[2],
            .channels = image[3],
            .filters = filter[0],
            .kernel_h = filter[1],
            .kernel_w = filter[2],
            .out_height = response[1],
            .out_width = response[2],
            .params = params};
}

Target::Target(const Api& api, const std::string& description) : api_(&api) {
    properties_.emplace(api, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, "the device's description");
    properties_->set_text(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, description);
    properties_->finalize();
}

void Target::apply_to_graph(Descriptor& graph) const {
    if (handle_) graph.set_value(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle_);
}
void Target::apply_to_heuristics(Descriptor& heuristics) const {
    if (properties_) heuristics.set_descriptor(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *properties_);
}
void Target::apply_to_plan(Descriptor& plan) const {
    if (handle_) plan.set_value(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle_);
    if (properties_) plan.set_descriptor(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *properties_);
}

std::string describe_device(const Api& api, int device_id) {
    Descriptor properties(api, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, "the device's description");
    properties.set_value(CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, std::int32_t{device_id});
    properties.finalize();
    return properties.get_text(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION);
}

EnginePlan::EnginePlan(Descriptor plan, std::string engine)
    : plan_(std::move(plan)),
      engine_(std::move(engine)),
      workspace_bytes_(plan_.get_int64(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE)) {}

std::string EnginePlan::json() const { return plan_.get_text(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION); }

void EnginePlan::execute(const Api& api, cudnnHandle_t handle, const EngineOperands& operands, void* workspace) const {
    std::vector<std::int64_t> ids = {image_id, filter_id, response_id};
    std::vector<const void*> addresses = {operands.image, operands.filter, operands.response};
    if (operands.bias) {
        ids.push_back(bias_id);
        addresses.push_back(operands.bias);
    }
    Descriptor pack(api, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "a plan's operands");
    pack.set_int64(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, static_cast<std::int64_t>(addresses.size()),
             addresses.data());
    pack.set_value(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
    pack.finalize();
    check(api, api.BackendExecute(handle, plan_.raw(), pack.raw()), "cudnnBackendExecute", "running " + engine_);
}

std::vector<EnginePlan> make_plans(const Target& target, const ConvProblem& problem, const PlanLimits& limits,
                                   const PlanCounts& counts, CompileTime* time, std::string* why) {
    const ConvGraph graph(target, problem);
    std::vector<EnginePlan> plans;
    std::vector<Offer> offers;
    std::set<std::string> seen, tried;
    std::string reason = "no engine has been offered";
    const auto offer_all = [&](cudnnBackendHeurMode_t mode) {
        for (Descriptor& configuration : configurations(target, graph.graph(), mode)) {
            Offer offer = make_offer(target.api(), std::move(configuration));
            if (!seen.insert(offer.text).second) continue;
            const bool rounds = problem.dtype == Dtype::f32 && offer.tensor_core && !limits.tf32;
            if (rounds || offer.other_arithmetic || (limits.deterministic && !offer.deterministic)) {
                reason = offer.text + " computes less exactly than was asked for";
            } else {
                offers.push_back(std::move(offer));
            }
        }
    };
    const auto finish = [&](const Offer& offer) {
        Descriptor plan(target.api(), CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "a plan for " + problem.key());
        target.apply_to_plan(plan);
        plan.set_descriptor(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, offer.configuration);
        if (const std::string refusal = plan.try_finalize(); !refusal.empty()) {
            reason = offer.text + ": " + refusal;
            return false;
        }
        EnginePlan made(std::move(plan), offer.text);
        if (made.workspace_bytes() > limits.workspace) {
            reason = fmt::format("{} needs {} bytes of workspace", offer.text, made.workspace_bytes());
            return false;
        }
        plans.push_back(std::move(made));
        return true;
    };
    const auto make = [&](bool compiled, int most) {
        int made = 0;
        for (const Offer* offer : ranked(offers)) {
            if (made >= most) break;
            if (offer->compiled != compiled || !tried.insert(offer->text).second) continue;
            if (compiled && time && time->left <= 0) {
                reason = "no time is left for compiling";
                break;
            }
            const auto start = std::chrono::steady_clock::now();
            made += finish(*offer) ? 1 : 0;
            if (compiled && time)
                time->left -= std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        }
    };
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK, CUDNN_HEUR_MODE_B}) {
        offer_all(mode);
        make(false, counts.ready);
        if (!plans.empty()) break;
        // Of the engines that compile, the native one may be among the fallbacks alone.
        if (mode != CUDNN_HEUR_MODE_A) make(true, counts.compiled);
        if (!plans.empty()) break;
    }
    if (why) *why = plans.empty() ? reason : "";
    return plans;
}

EnginePlan restore_plan(const Target& target, const std::string& json, const std::string& engine) {
    Descriptor plan(target.api(), CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "a plan kept on disk");
    target.apply_to_plan(plan);
    plan.set_text(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, json);
    plan.finalize();
    return EnginePlan(std::move(plan), engine);
}

}  // namespace camber::cudnn
