#pragma once
#include <camber/ops.h>

#include "backend/primitive_case.h"

namespace camber::testing {

/// Of a convolution from an image [n, h, w, cin] to a response of cout channels.
struct Geometry {
    std::int64_t n, h, w, cin, cout;
    int kh, kw;
    Conv2dParams params = {};
};

/// transposed: added to the image, as a transposed convolution has it.
enum class Bias { without, with, both, transposed };

/// The three primitives.
inline Cases convolution(const Geometry& g, Bias bias = Bias::both) {
    const Conv2dParams& p = g.params;
    const std::int64_t ho = ops::window_output(g.h, g.kh, p.stride_h, p.dilation_h, p.padding.top, p.padding.bottom);
    const std::int64_t wo = ops::window_output(g.w, g.kw, p.stride_w, p.dilation_w, p.padding.left, p.padding.right);
    const Shape image{g.n, g.h, g.w, g.cin}, response{g.n, ho, wo, g.cout}, filter{g.cout, g.kh, g.kw, g.cin};
    const Input x = activation(image, 1), dy = activation(response, 2), w = parameter(filter, 3);
    const std::string what = fmt::format(
        "{}x{} {} to {}{}{}{}", g.kh, g.kw, image.str(), g.cout,
        p.stride_h * p.stride_w == 1 ? "" : fmt::format(", stride {}x{}", p.stride_h, p.stride_w),
        p.dilation_h * p.dilation_w == 1 ? "" : fmt::format(", dilation {}x{}", p.dilation_h, p.dilation_w),
        p.padding == Padding{}
            ? ""
            : fmt::format(", padding {} {} {} {}", p.padding.top, p.padding.bottom, p.padding.left, p.padding.right));
    const double operations = 2.0 * static_cast<double>(response.numel() * g.kh * g.kw * g.cin);
    Cases cases;
    const auto add = [&](const char* primitive, const char* how, std::vector<Input> inputs, std::vector<Output> outputs,
                         PrimitiveCase::Run run) {
        cases.push_back({.primitive = primitive,
                         .what = what + how,
                         .inputs = std::move(inputs),
                         .outputs = std::move(outputs),
                         .run = std::move(run),
                         .operations = operations});
    };
    const Output y = {"y", response}, dx = {"dx", image}, dw = {"dw", filter, Kind::parameter},
                 db = {"db", {g.cout}, Kind::parameter};
    add("conv2d_backward_data", "", {dy, w}, {dx},
        [=](Backend& b, auto& in, auto& out) { b.conv2d_backward_data(in[0], in[1], {}, out[0], p); });
    if (bias != Bias::with) {
        add("conv2d", "", {x, w}, {y}, [=](Backend& b, auto& in, auto& out) { b.conv2d(in[0], in[1], {}, out[0], p); });
        add("conv2d_backward_filter", "", {x, dy}, {dw},
            [=](Backend& b, auto& in, auto& out) { b.conv2d_backward_filter(in[0], in[1], out[0], {}, p); });
    }
    if (bias == Bias::with || bias == Bias::both) {
        add("conv2d", ", bias", {x, w, parameter({g.cout}, 4)}, {y},
            [=](Backend& b, auto& in, auto& out) { b.conv2d(in[0], in[1], in[2], out[0], p); });
        add("conv2d_backward_filter", ", bias", {x, dy}, {dw, db},
            [=](Backend& b, auto& in, auto& out) { b.conv2d_backward_filter(in[0], in[1], out[0], out[1], p); });
    }
    if (bias == Bias::transposed)
        add("conv2d_backward_data", ", bias", {dy, w, parameter({g.cin}, 4)}, {dx},
            [=](Backend& b, auto& in, auto& out) { b.conv2d_backward_data(in[0], in[1], in[2], out[0], p); });
    return cases;
}

}  // namespace camber::testing
