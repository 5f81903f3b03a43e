#include <dlfcn.h>
#include <doctest/doctest.h>

#include <chrono>
#include <ctime>
#include <set>

#include "backend/backend.h"
#include "cuda/cudnn/cudnn_convolutions.h"
#include "cudnn/network_calls.h"
#include "support/errors.h"
#include "support/program.h"

using namespace camber;
using namespace camber::cuda;
using namespace camber::cudnn;

namespace {

/// An H100 (SXM, 80 GB), from its published properties; the last line is for cuDNN 9.28.
const std::string h100 = R"({
  "deviceName": "NVIDIA H100 80GB HBM3", "deviceVer": 900, "driverVer": 13000, "cudaDeviceId": 0, "pciDeviceId": 0,
  "multiProcessorCount": 132, "warpSize": 32, "totalGlobalMem": 84942979072, "l2CacheSize": 52428800,
  "smClockRateKHz": 1980000, "memClockRateKHz": 2619000,
  "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "maxCtasPerSM": 32,
  "maxBlockSize": [1024, 1024, 64], "maxGridSize": [2147483647, 65535, 65535],
  "regsPerBlock": 65536, "maxRegistersPerSM": 65536,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024,
  "supportCoopLaunch": 1, "isTccDriver": 0,
  "smCountOrigin": 0, "oversizedSharedMemoryPerBlock": 232448, "memoryBusWidth": 5120})";

/// `h100` with other properties: "key": value in place of the same key's.
std::string with(const std::string& key, const std::string& value) {
    std::string changed = h100;
    const std::size_t at = changed.find("\"" + key + "\": ") + key.size() + 4;
    return changed.replace(at, changed.find(',', at) - at, value);
}

/// Null where cuDNN is missing.
const Api* api_without_gpu() {
    static const Api* const found = [] {
        // A machine with a driver uses it. The stand-in must be there before cuDNN looks for one.
        if (!has_backend(Device::cuda) && !::dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL))
            REQUIRE(::dlopen(testing::beside_program("driver_stand_in/libcuda.so.1").c_str(), RTLD_NOW | RTLD_GLOBAL));
        std::string why;
        const Api* const api = find_api(&why);
        if (!api) MESSAGE("left out: " << why);
        return api;
    }();
    return found;
}

/// What plans are made for here: a described H100, on machines with a GPU as well. Null where cuDNN is missing.
const Target* h100_target() {
    static const std::unique_ptr<Target> target =
        api_without_gpu() ? std::make_unique<Target>(*api_without_gpu(), h100) : nullptr;
    return target.get();
}

/// The same for plans that are compiled. cuDNN 9.14 divides by zero where it chooses them for a GPU that is not there.
const Target* h100_target_to_compile_for() {
    const Target* const target = h100_target();
    if (!target || target->api().version >= 91900) return target;
    MESSAGE("left out: cuDNN " << target->api().version << " is older than 9.19");
    return nullptr;
}

constexpr PlanCounts one_ready = {.ready = 1, .compiled = 0};
constexpr PlanCounts one_compiled = {.ready = 0, .compiled = 1};

struct Precision {
    const char* name;
    Dtype dtype;
    bool tf32;
};
constexpr Precision precisions[] = {
    {"bf16", Dtype::bf16, false}, {"TF32", Dtype::f32, true}, {"f32", Dtype::f32, false}};

bool native(const EnginePlan& plan) { return plan.engine().find(" native") != std::string::npos; }
bool compiled(const EnginePlan& plan) { return plan.engine().find(" compiled") != std::string::npos; }

/// Seconds on the clock and of the processors since its making.
class Stopwatch {
  public:
    double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
    double processor_seconds() const { return static_cast<double>(std::clock() - used_) / CLOCKS_PER_SEC; }

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point start_ = Clock::now();
    std::clock_t used_ = std::clock();
};

ConvCall meta_call(ConvKind kind, std::int64_t channels, std::int64_t filters) {
    const auto meta = [](const Shape& shape, Dtype dtype) { return Tensor::empty(shape, dtype, Device::meta); };
    return {"",
            kind,
            meta({4, 32, 32, channels}, Dtype::bf16),
            meta({filters, 3, 3, channels}, Dtype::f32),
            meta({4, 32, 32, filters}, Dtype::bf16),
            {},
            {.padding = {1, 1, 1, 1}}};
}

}  // namespace

TEST_CASE("cuDNN: every convolution of every network has a plan on an H100, ready to run and deterministic") {
    const Target* const target = h100_target();
    if (!target) return;
    for (const Precision& precision : precisions) {
        std::set<std::string> met;
        for (const nets::NetInfo& info : nets::net_list()) {
            const std::unique_ptr<nets::Net> net = info.make({{"classes", 11}});
            const int multiple = net->size_multiple(), size = 256 % multiple == 0 ? 256 : multiple;
            const std::vector<ConvCall> calls = testing::convolutions_of_step(*net, 16, size, precision.dtype);
            CHECK(calls.size() > 3);
            for (const ConvCall& call : calls) {
                const std::vector<ConvVariant> variants = conv_variants(call);
                REQUIRE(!variants.empty());
                if (!met.insert(variants[0].problem.key()).second) continue;
                bool planned = false;
                std::string why;
                for (const ConvVariant& variant : variants)
                    planned = planned ||
                              !make_plans(*target, variant.problem, {.tf32 = precision.tf32}, one_ready, nullptr, &why)
                                   .empty();
                CHECK_MESSAGE(planned, info.name << ": no plan for " << variants[0].problem.key() << ": " << why);
            }
        }
        MESSAGE(std::string(precision.name) << ": " << met.size() << " different convolutions");
    }
}

TEST_CASE("cuDNN: the plain U-Net's step is 23 convolutions, each in three kinds but the first") {
    const std::unique_ptr<nets::Net> net = nets::make_unet();
    const std::vector<ConvCall> calls = testing::convolutions_of_step(*net, 16, 256, Dtype::bf16);
    int kinds[3] = {};
    for (const ConvCall& call : calls) ++kinds[static_cast<int>(call.kind)];
    // Four transposed convolutions: their forward is a data gradient, and the other way round.
    CHECK(kinds[static_cast<int>(ConvKind::forward)] == 19 + 4);
    CHECK(kinds[static_cast<int>(ConvKind::backward_data)] == 19 - 1 + 4);
    CHECK(kinds[static_cast<int>(ConvKind::backward_filter)] == 23);
}

TEST_CASE("cuDNN: planning a step of the 31 M U-Net takes at most 15 s of two cores, a second time next to nothing") {
    const Target* const target = h100_target_to_compile_for();
    if (!target) return;
    const std::unique_ptr<nets::Net> net = nets::make_unet();
    std::set<std::string> met;
    std::vector<EnginePlan> first;  // of every shape
    CompileTime time;
    std::size_t plans = 0, compiled_plans = 0;
    const Stopwatch planning;
    for (const ConvCall& call : testing::convolutions_of_step(*net, 16, 256, Dtype::bf16)) {
        if (!met.insert(conv_variants(call)[0].problem.key()).second) continue;
        const std::size_t before = plans;
        for (VariantPlan& made : plan_variants(*target, call, {}, time)) {
            if (!made.plan) continue;
            compiled_plans += compiled(*made.plan) ? 1 : 0;
            if (plans++ == before) first.push_back(std::move(*made.plan));
        }
        CHECK(plans > before);
    }
    // Of processors, for others may compute on them; the clock's on two idle cores is less.
    CHECK(planning.processor_seconds() <= 15);
    CHECK(time.left < 8);
    MESSAGE(met.size() << " shapes: " << plans << " plans, of which " << compiled_plans << " compiled, in "
                       << planning.seconds() << " s (" << planning.processor_seconds() << " s of processors)");

    std::vector<std::string> kept;
    for (const EnginePlan& plan : first) kept.push_back(plan.json());
    const Stopwatch restoring;
    for (const std::string& json : kept) restore_plan(*target, json, "");
    CHECK(restoring.seconds() < 5);
    MESSAGE("restored in " << restoring.seconds() << " s (" << restoring.processor_seconds() << " s of processors)");
}

TEST_CASE("cuDNN: nothing is compiled once the time for it has been used up") {
    const Target* const target = h100_target();
    if (!target) return;
    ConvCall call = meta_call(ConvKind::forward, 64, 64);
    call.bias = Tensor::empty({64}, Dtype::f32, Device::meta);
    CompileTime none = {.left = 0};
    const std::vector<VariantPlan> made = plan_variants(*target, call, {}, none);
    REQUIRE(made.size() == 11);
    CHECK(made[0].variant.name == "plain with bias");
    CHECK(!made[0].plan);
    CHECK(made[0].why == "no time is left for compiling");
    CHECK(made[1].variant.name == "plain");
    CHECK(made[1].plan);
    std::string why;
    CHECK(make_plans(*target, conv_variants(call)[0].problem, {}, {}, &none, &why).empty());
    CHECK(why == "no time is left for compiling");
}

TEST_CASE("cuDNN: engines made for the GPU's architecture come first, and one of every other engine after them") {
    const Target* const target = h100_target_to_compile_for();
    if (!target) return;
    const Target a100(target->api(), with("deviceVer", "800"));
    for (const Precision& precision : {precisions[0], precisions[1]}) {
        for (const ConvKind kind : {ConvKind::forward, ConvKind::backward_data, ConvKind::backward_filter}) {
            const ConvProblem problem = conv_problem(kind, precision.dtype, {16, 64, 64, 128}, {128, 3, 3, 128},
                                                     {16, 64, 64, 128}, {.padding = {1, 1, 1, 1}});
            const PlanLimits limits = {.tf32 = precision.tf32};
            CAPTURE(problem.key());
            const std::vector<EnginePlan> plans = make_plans(*target, problem, limits);
            CHECK(plans.size() == 10);
            std::set<std::string> others;
            for (std::size_t i = 0; i < plans.size(); ++i) {
                if (i < 7) CHECK(native(plans[i]));
                if (i >= 7) CHECK(others.insert(plans[i].engine().substr(0, 9)).second);
            }
            for (const EnginePlan& plan : make_plans(a100, problem, limits)) CHECK(!native(plan));
        }
    }
    // That the indices of engines still mean what they did is seen in the names of kernels.
    for (const ConvKind kind : {ConvKind::forward, ConvKind::backward_data, ConvKind::backward_filter}) {
        ConvProblem problem = conv_problem(kind, Dtype::bf16, {16, 64, 64, 128}, {128, 3, 3, 128}, {16, 64, 64, 128},
                                           {.padding = {1, 1, 1, 1}});
        problem.bias = kind != ConvKind::backward_filter;
        if (!problem.bias) problem.filter_dtype = Dtype::f32;
        CAPTURE(problem.key());
        const std::vector<EnginePlan> plans = make_plans(*target, problem, {});
        REQUIRE(plans.size() == 1);
        CHECK(compiled(plans[0]));
        CHECK(native(plans[0]));
        CHECK(plans[0].json().find("sm90") != std::string::npos);
    }
}

TEST_CASE("cuDNN: biases and f32 filter gradients of bf16 are fused by compiled plans") {
    const Target* const target = h100_target_to_compile_for();
    if (!target) return;
    const auto plans_of = [&](ConvKind kind, bool bias, Dtype filter_dtype, const PlanCounts& counts) {
        const ConvCall call = meta_call(kind, 64, 64);
        ConvProblem problem = conv_problem(kind, Dtype::bf16, call.image.shape(), call.filter.shape(),
                                           call.response.shape(), call.params);
        problem.bias = bias;
        problem.filter_dtype = filter_dtype;
        std::string why;
        std::vector<EnginePlan> plans = make_plans(*target, problem, {}, counts, nullptr, &why);
        INFO(problem.key() << ": " << why);
        CHECK(plans.size() == 1);
        return plans;
    };
    plans_of(ConvKind::forward, true, Dtype::bf16, one_compiled);
    plans_of(ConvKind::backward_filter, false, Dtype::f32, one_compiled);
}

TEST_CASE("cuDNN: a plan that cannot be run names the call") {
    const Target* const target = h100_target();
    if (!target) return;
    const std::vector<EnginePlan> plans =
        make_plans(*target, conv_variants(meta_call(ConvKind::forward, 64, 64))[0].problem, {}, one_ready);
    REQUIRE(plans.size() == 1);
    alignas(16) static char operands[64];  // never looked at
    const std::string error = testing::error_of([&] {
        plans[0].execute(target->api(), nullptr,
                         {.image = operands, .filter = operands + 16, .response = operands + 32, .bias = operands + 48},
                         operands);
    });
    CHECK(error.find("cudnnBackendExecute: ") == 0);
    CHECK(error.find("running engine ") != std::string::npos);
}

TEST_CASE("cuDNN: plans keep to their limits") {
    const Target* const target = h100_target();
    if (!target) return;
    const ConvCall call = meta_call(ConvKind::backward_filter, 64, 64);
    ConvProblem problem = conv_variants(call)[0].problem;
    for (const EnginePlan& plan : make_plans(*target, problem, {.workspace = 1 << 20}, {.ready = 12, .compiled = 0}))
        CHECK(plan.workspace_bytes() <= 1 << 20);
    // What cuDNN cannot do is said, not thrown; what it does not accept is thrown, naming the call.
    problem.bias = false;
    problem.channels = 63;
    std::string why;
    CHECK(make_plans(*target, problem, {.workspace = -1}, one_ready, nullptr, &why).empty());
    CHECK(!why.empty());
    problem.out_height = 7;
    CHECK(testing::error_of([&] { make_plans(*target, problem, {}, one_ready); }).find("cudnnBackendFinalize") == 0);
}

TEST_CASE("cuDNN: the ways of posing a call") {
    const auto names_of = [](const ConvCall& call) {
        std::vector<std::string> names;
        for (const ConvVariant& variant : conv_variants(call)) names.push_back(variant.name);
        return names;
    };
    using Names = std::vector<std::string>;
    CHECK(names_of(meta_call(ConvKind::forward, 64, 64)) == Names{"plain"});
    CHECK(names_of(meta_call(ConvKind::backward_filter, 64, 64)) == Names{"plain"});
    // Only where there are blocks enough without a share of the pixels each.
    CHECK(names_of(meta_call(ConvKind::backward_filter, 512, 512)) == Names{"plain", "plain to f32"});
    CHECK(names_of(meta_call(ConvKind::backward_data, 64, 12)) == Names{"padded", "plain"});
    ConvCall call = meta_call(ConvKind::forward, 3, 64);
    call.bias = Tensor::empty({64}, Dtype::f32, Device::meta);
    CHECK(names_of(call) == Names{"padded with bias", "padded", "plain"});
    CHECK(conv_variants(call)[0].problem.channels == 8);
    CHECK(conv_variants(call)[0].problem.filters == 64);
    CHECK(conv_variants(call)[2].problem.channels == 3);
    call.params.padding.left = -1;  // cropping: Camber's own kernels
    CHECK(names_of(call).empty());
}

TEST_CASE("cuDNN: plans are restored from their JSON") {
    const Target* const target = h100_target();
    if (!target) return;
    const ConvProblem problem = conv_variants(meta_call(ConvKind::backward_filter, 64, 64))[0].problem;
    for (const PlanCounts& counts : {one_ready, one_compiled}) {
        const std::vector<EnginePlan> plans = make_plans(*target, problem, {}, counts);
        REQUIRE(plans.size() == 1);
        const EnginePlan restored = restore_plan(*target, plans[0].json(), plans[0].engine());
        CHECK(restored.json() == plans[0].json());
        CHECK(restored.engine() == plans[0].engine());
        CHECK(restored.workspace_bytes() == plans[0].workspace_bytes());
    }
    CHECK(!testing::error_of([&] { restore_plan(*target, "{}", ""); }).empty());

    // Choices may be brought to another machine with such a GPU; with another driver they are made anew.
    const std::string json = make_plans(*target, problem, {}, one_ready)[0].json();
    const auto refusal = [&](const std::string& key, const std::string& value) {
        const Target other(target->api(), with(key, value));
        return testing::error_of([&] { restore_plan(other, json, ""); });
    };
    for (const char* key : {"pciDeviceId", "cudaDeviceId", "totalGlobalMem", "smClockRateKHz", "memClockRateKHz"})
        CHECK(refusal(key, "77").empty());
    CHECK(refusal("driverVer", "12080").find("cudnnBackendFinalize: ") == 0);
    CHECK(!refusal("multiProcessorCount", "114").empty());
}
