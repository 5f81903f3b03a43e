#pragma once
#include "backend/primitive_case.h"

namespace camber::testing {

/// Rows and columns of zeros, negative to crop.
inline PrimitiveCase padding(const Shape& from, const Padding& by) {
    return {.primitive = "pad2d",
            .what = fmt::format("{} by {} {} {} {}", from.str(), by.top, by.bottom, by.left, by.right),
            .inputs = {activation(from, 1)},
            .outputs = {{"y", {from[0], from[1] + by.top + by.bottom, from[2] + by.left + by.right, from[3]}}},
            .run = [=](Backend& b, auto& in, auto& out) { b.pad2d(in[0], out[0], by.top, by.left); }};
}

/// `count` channels of x [image, x_channels] to those of y [image, y_channels], whose others stay.
struct ChannelRange {
    std::int64_t x_channels, x_begin, y_channels, y_begin, count;
};

inline PrimitiveCase channel_copy(const Shape& image, const ChannelRange& r, bool sums = false) {
    const Shape from{image[0], image[1], image[2], r.x_channels}, to{image[0], image[1], image[2], r.y_channels};
    PrimitiveCase c = {.primitive = "copy_channels",
                       .what = fmt::format("{} from {} of {} to {} of {}{}", r.count, r.x_begin, from.str(), r.y_begin,
                                           to.str(), sums ? ", sums" : ""),
                       .inputs = {activation(from, 1), activation(to, 2)},
                       .outputs = {{"y", to}},
                       .prepare = [](Backend&, auto& in, auto& out) { out[0].copy_from(in[1]); },
                       .run =
                           [=](Backend& b, auto& in, auto& out) {
                               b.copy_channels(in[0], r.x_begin, out[0], r.y_begin, r.count, sums ? out[1] : Tensor());
                           }};
    if (sums) c.outputs.push_back({"sums", {r.count}, Kind::parameter});
    return c;
}

/// From [image, c * factor^2] to pixels of c channels, and back.
inline Cases pixel_shuffling(const Shape& image, std::int64_t c, int factor) {
    const Shape packed{image[0], image[1], image[2], c * factor * factor},
        spread{image[0], image[1] * factor, image[2] * factor, c};
    return {{.primitive = "pixel_shuffle",
             .what = fmt::format("{} by {}", packed.str(), factor),
             .inputs = {activation(packed, 1)},
             .outputs = {{"y", spread}},
             .run = [=](Backend& b, auto& in, auto& out) { b.pixel_shuffle(in[0], out[0], factor); },
             .f32_tolerance = 0,
             .bf16_tolerance = 0},
            {.primitive = "pixel_unshuffle",
             .what = fmt::format("{} by {}", spread.str(), factor),
             .inputs = {activation(spread, 1)},
             .outputs = {{"y", packed}},
             .run = [=](Backend& b, auto& in, auto& out) { b.pixel_unshuffle(in[0], out[0], factor); },
             .f32_tolerance = 0,
             .bf16_tolerance = 0}};
}

}  // namespace camber::testing
