#include "ops/operation_case.h"

namespace camber::testing {
namespace {

struct Geometry {
    const char* name;
    Shape input, weight;
    bool bias;
    Conv2dParams params = {};
};

struct TransposedGeometry {
    const char* name;
    Shape input, weight;
    bool bias;
    ConvTranspose2dParams params = {};
};

Padding same3() { return ops::symmetric_padding(1); }

template <class G, class Convolution>
OperationCase convolution_case(const char* kind, const G& g, std::int64_t cout, Convolution convolution) {
    OperationCase result{.name = std::string(kind) + " " + g.name,
                         .inputs = {uniform(g.input, 1), uniform(g.weight, 2)},
                         .activations = 1,
                         .apply = [convolution, p = g.params](const std::vector<Tensor>& in) {
                             return convolution(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), p);
                         }};
    if (g.bias) result.inputs.push_back(uniform({cout}, 3));
    return result;
}

}  // namespace

std::vector<OperationCase> conv_cases() {
    const std::vector<Geometry> convolutions = {
        {"of one number", {1, 1, 1, 1}, {1, 1, 1, 1}, true},
        {"1x1, 17 to 3 channels", {2, 5, 7, 17}, {3, 1, 1, 17}, true},
        {"1x1, stride 2", {1, 5, 4, 3}, {2, 1, 1, 3}, false, {.stride_h = 2, .stride_w = 2, .padding = {}}},
        {"3x3 same on 1x1", {2, 1, 1, 3}, {5, 3, 3, 3}, true, {.padding = same3()}},
        {"3x3 same, 3 to 17", {1, 5, 7, 3}, {17, 3, 3, 3}, true, {.padding = same3()}},
        {"3x3 same, 17 to 17", {1, 2, 3, 17}, {17, 3, 3, 17}, false, {.padding = same3()}},
        {"3x3 valid", {2, 5, 7, 1}, {3, 3, 3, 1}, true},
        {"3x3, stride 2, one-sided padding",
         {1, 6, 7, 3},
         {3, 3, 3, 3},
         true,
         {.stride_h = 2, .stride_w = 2, .padding = {0, 1, 1, 0}}},
        {"3x3, stride 3 that leaves rows unused",
         {1, 8, 7, 2},
         {3, 3, 3, 2},
         false,
         {.stride_h = 3, .stride_w = 3, .padding = {}}},
        {"3x3, dilation 2",
         {1, 5, 7, 3},
         {2, 3, 3, 3},
         true,
         {.dilation_h = 2, .dilation_w = 2, .padding = {2, 2, 2, 2}}},
        {"3x3, dilation 3 by 2, stride 2 by 1",
         {1, 9, 6, 2},
         {3, 3, 3, 2},
         true,
         {.stride_h = 2, .stride_w = 1, .dilation_h = 3, .dilation_w = 2, .padding = {3, 2, 1, 2}}},
        {"3x3, dilation 6 beyond the image",
         {1, 5, 5, 3},
         {3, 3, 3, 3},
         false,
         {.dilation_h = 6, .dilation_w = 6, .padding = {6, 6, 6, 6}}},
        {"2x5", {1, 5, 7, 3}, {3, 2, 5, 3}, true, {.padding = {0, 1, 2, 2}}},
        {"7x7, stride 2", {1, 9, 8, 3}, {2, 7, 7, 3}, false, {.stride_h = 2, .stride_w = 2, .padding = {3, 3, 3, 3}}},
        {"3x3 that crops the input", {1, 7, 6, 2}, {3, 3, 3, 2}, true, {.padding = {-1, -2, 0, -1}}},
    };
    const std::vector<TransposedGeometry> transposed = {
        {"of one number", {1, 1, 1, 1}, {1, 2, 2, 1}, true},
        {"2x2", {2, 5, 7, 3}, {3, 2, 2, 5}, true},
        {"2x2, 17 to 1 channels", {1, 3, 2, 17}, {17, 2, 2, 1}, false},
        {"3x3, Keras same", {1, 5, 4, 3}, {3, 3, 3, 2}, true, {.crop = ops::same_crop(3, 3, 2, 2)}},
        {"3x3, PyTorch padding 1, output padding 1", {2, 3, 4, 3}, {3, 3, 3, 4}, true, {.crop = {1, 0, 1, 0}}},
        {"3x3 on 1x1", {1, 1, 1, 3}, {3, 3, 3, 2}, false, {.crop = {1, 0, 1, 0}}},
        {"4x4", {1, 3, 4, 3}, {3, 4, 4, 3}, true, {.crop = {1, 1, 1, 1}}},
        {"3x3, stride 1", {1, 4, 5, 2}, {2, 3, 3, 3}, true, {.stride_h = 1, .stride_w = 1, .crop = {1, 1, 1, 1}}},
        {"2x2, stride 3 by 2, with rows of zeros",
         {1, 3, 2, 2},
         {2, 2, 2, 3},
         true,
         {.stride_h = 3, .stride_w = 2, .crop = {0, -1, 0, 0}}},
    };
    std::vector<OperationCase> cases;
    for (const Geometry& g : convolutions) cases.push_back(convolution_case("conv2d", g, g.weight[0], ops::conv2d));
    for (const TransposedGeometry& g : transposed)
        cases.push_back(convolution_case("conv_transpose2d", g, g.weight[3], ops::conv_transpose2d));
    for (const auto& [input, weight] : {std::pair{Shape{1, 1}, Shape{1, 1}}, std::pair{Shape{4, 17}, Shape{3, 17}},
                                        std::pair{Shape{2, 3, 5, 3}, Shape{17, 3}}}) {
        cases.push_back({.name = "linear " + input.str() + " to " + std::to_string(weight[0]),
                         .inputs = {uniform(input, 1), uniform(weight, 2), uniform({weight[0]}, 3)},
                         .activations = 1,
                         .apply = [](const std::vector<Tensor>& in) { return ops::linear(in[0], in[1], in[2]); }});
    }
    return cases;
}

}  // namespace camber::testing
