#include <doctest/doctest.h>

#include <camber/ops.h>

#include <functional>
#include <map>

#include "support/autograd.h"
#include "support/devices.h"
#include "support/golden.h"

/// Every operation against what PyTorch and Keras computed: outputs, gradients and running statistics.
using namespace camber;
using namespace camber::testing;
using nlohmann::json;

namespace {

Padding padding_of(const json& golden) {
    const auto sides = golden.at("padding").get<std::vector<int>>();
    return {sides[0], sides[1], sides[2], sides[3]};
}

Pool2dParams pooling_of(const json& golden) {
    const int stride = golden.at("stride");
    return {.kernel_h = golden.at("kernel")[0],
            .kernel_w = golden.at("kernel")[1],
            .stride_h = stride,
            .stride_w = stride,
            .padding = padding_of(golden),
            .count_include_pad = golden.value("count_include_pad", false)};
}

ResizeMode resize_mode_of(const json& golden) {
    const std::string mode = golden.at("mode");
    if (mode == "nearest") return ResizeMode::nearest;
    if (mode == "nearest_exact") return ResizeMode::nearest_half_pixel;
    REQUIRE(mode == "bilinear");
    return golden.at("align_corners").get<bool>() ? ResizeMode::bilinear_align_corners : ResizeMode::bilinear;
}

/// The tensors of a case on a device; undefined where the case has none of that role.
using Inputs = std::map<std::string, Tensor>;
using Operation = std::function<Tensor(const json& golden, Inputs& in)>;

const std::map<std::string, Operation>& operations() {
    static const std::map<std::string, Operation> table = {
        {"conv2d",
         [](const json& golden, Inputs& in) {
             const int stride = golden.at("stride"), dilation = golden.at("dilation");
             return ops::conv2d(in["input"], in["weight"], in["bias"],
                                {.stride_h = stride,
                                 .stride_w = stride,
                                 .dilation_h = dilation,
                                 .dilation_w = dilation,
                                 .padding = padding_of(golden)});
         }},
        {"conv_transpose2d",
         [](const json& golden, Inputs& in) {
             const int stride = golden.at("stride");
             return ops::conv_transpose2d(in["input"], in["weight"], in["bias"],
                                          {.stride_h = stride, .stride_w = stride, .crop = padding_of(golden)});
         }},
        {"linear", [](const json&, Inputs& in) { return ops::linear(in["input"], in["weight"], in["bias"]); }},
        {"batch_norm",
         [](const json& golden, Inputs& in) {
             return ops::batch_norm(in["input"], {in["weight"], in["bias"], in["running_mean"], in["running_var"]},
                                    golden.at("training"),
                                    {.eps = golden.at("eps"),
                                     .momentum = golden.at("momentum"),
                                     .unbiased = golden.at("unbiased"),
                                     .relu = golden.at("relu")});
         }},
        {"relu", [](const json&, Inputs& in) { return ops::relu(in["input"]); }},
        {"softmax", [](const json&, Inputs& in) { return ops::softmax(in["input"]); }},
        {"max_pool2d", [](const json& golden, Inputs& in) { return ops::max_pool2d(in["input"], pooling_of(golden)); }},
        {"avg_pool2d", [](const json& golden, Inputs& in) { return ops::avg_pool2d(in["input"], pooling_of(golden)); }},
        {"global_avg_pool2d", [](const json&, Inputs& in) { return ops::global_avg_pool(in["input"]); }},
        {"interpolate",
         [](const json& golden, Inputs& in) {
             return ops::resize(in["input"], golden.at("size")[0], golden.at("size")[1], resize_mode_of(golden));
         }},
    };
    return table;
}

/// Cases whose gradient is a small difference of large numbers, so that what the backward step reads in f32 (the saved
/// mean, the saved probabilities) has too few digits for 1e-5.
const std::map<std::string, double> ill_conditioned = {
    {"batch_norm_train_two_values", 1e-3}, {"batch_norm_train_large_mean", 1e-4}, {"softmax_large", 1e-3}};

/// Results are stored in f32, and some were computed in it: that bounds how near an exact result can come.
double tolerance_of(const json& golden, Dtype dtype) {
    if (dtype == Dtype::f64) return golden.value("computed_in", "float64") == "float64" ? 2e-7 : 1e-5;
    const auto found = ill_conditioned.find(golden.at("name"));
    return found == ill_conditioned.end() ? 1e-5 : found->second;
}

void check_case(const GoldenFile& file, const json& golden, Dtype dtype, Device device) {
    Inputs in;
    for (const char* role : {"input", "weight", "bias"})
        if (file.has(golden, role)) in[role] = file.read(golden, role, dtype, device).set_requires_grad(true);
    for (const char* role : {"running_mean", "running_var"})
        if (file.has(golden, role)) in[role] = file.read(golden, role, dtype, device);
    const auto check = [&](const std::string& role, const Tensor& actual) {
        const Tensor expected = file.read(golden, role);
        INFO(golden.at("name") << " " << role << " in " << run_name(dtype, device) << ": "
                               << describe_difference(actual, expected));
        CHECK(relative_error(actual, expected) <= tolerance_of(golden, dtype));
    };
    const Tensor output = operations().at(golden.at("op"))(golden, in);
    check("output", output);
    for (const char* role : {"running_mean", "running_var"})
        if (file.has(golden, std::string(role) + "_after")) check(std::string(role) + "_after", in[role]);
    if (!file.has(golden, "grad_output")) return clear_tape();
    backward_from(output, file.read(golden, "grad_output", dtype, device));
    for (const char* role : {"input", "weight", "bias"})
        if (file.has(golden, std::string("grad_") + role)) check(std::string("grad_") + role, in[role].grad());
}

/// Runs the cases that are operations; returns how many there were.
int check_file(const std::string& name) {
    const GoldenFile file(name);
    int checked = 0;
    for (const json& golden : file.cases()) {
        if (!operations().contains(golden.at("op"))) continue;
        check_case(file, golden, Dtype::f64, Device::reference);
        for (const Device device : computing_devices()) check_case(file, golden, Dtype::f32, device);
        ++checked;
    }
    return checked;
}

}  // namespace

TEST_CASE("operations equal PyTorch's") { CHECK(check_file("torch_ops") >= 94); }

TEST_CASE("operations equal Keras's") { CHECK(check_file("keras_ops") >= 43); }

TEST_CASE("same_padding and same_crop are what Keras's 'same' does") {
    const GoldenFile file("keras_ops");
    int checked = 0;
    for (const json& golden : file.cases()) {
        if (golden.value("keras_padding", "") != "same") continue;
        CAPTURE(golden.at("name"));
        const int stride = golden.at("stride");
        const Shape input = file.read(golden, "input").shape();
        if (golden.at("op") == "conv_transpose2d") {
            const Shape weight = file.read(golden, "weight").shape();
            const int kh = static_cast<int>(weight[1]), kw = static_cast<int>(weight[2]);
            CHECK(ops::same_crop(kh, kw, stride, stride) == padding_of(golden));
        } else {
            const bool pooling = golden.contains("kernel");
            const Shape weight = pooling ? Shape{} : file.read(golden, "weight").shape();
            const int kh = pooling ? golden.at("kernel")[0].get<int>() : static_cast<int>(weight[1]);
            const int kw = pooling ? golden.at("kernel")[1].get<int>() : static_cast<int>(weight[2]);
            const int dilation = golden.value("dilation", 1);
            CHECK(ops::same_padding(input[1], input[2], kh, kw, stride, stride, dilation, dilation) ==
                  padding_of(golden));
        }
        ++checked;
    }
    CHECK(checked >= 20);
}
