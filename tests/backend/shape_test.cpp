#include <doctest/doctest.h>

#include "backend/primitive.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// A tensor that begins one element after where vectors do.
Tensor unaligned(const Shape& shape, const Tensor& like) {
    return Tensor::empty({shape.numel() + 1}, like.dtype(), like.device()).slice(1, shape);
}

}  // namespace

TEST_CASE("padding and cropping") {
    struct Offsets {
        int top, bottom, left, right;
    };
    for (const std::int64_t c : {1, 3, 17, 64})
        for (const Offsets& o : {Offsets{0, 0, 0, 0}, Offsets{1, 2, 3, 4}, Offsets{-1, -2, -1, -3},
                                 Offsets{2, -1, -2, 3}, Offsets{7, -4, -8, 9}}) {
            const Shape from{2, 5, 7, c}, to{2, 5 + o.top + o.bottom, 7 + o.left + o.right, c};
            check({.name = fmt::format("pad2d {} {}", o.top, o.left),
                   .inputs = {activation(uniform(from, 1))},
                   .outputs = {{"y", to}},
                   .run = [=](Backend& b, auto& in, auto& out) { b.pad2d(in[0], out[0], o.top, o.left); }});
        }
}

TEST_CASE("copying channels leaves the others alone") {
    struct Range {
        std::int64_t from_channels, from, to_channels, to, count;
    };
    for (const Shape& image : {Shape{1, 1, 1}, Shape{2, 5, 7}, Shape{2, 160, 128}})
        for (const Range& r : {Range{1, 0, 2, 1, 1}, Range{3, 1, 5, 2, 2}, Range{17, 0, 20, 3, 17},
                               Range{64, 0, 128, 64, 64}, Range{128, 64, 64, 0, 64}, Range{20, 3, 17, 0, 17},
                               Range{48, 16, 40, 24, 8}, Range{2100, 0, 2400, 300, 2100}}) {
            if (image[1] > 100 && r.from_channels != 64) continue;  // large enough to go past a CPU's caches
            const Shape from{image[0], image[1], image[2], r.from_channels},
                to{image[0], image[1], image[2], r.to_channels};
            check({.name = fmt::format("copy_channels {} of {} to {} of {}", r.count, from.str(), r.to, to.str()),
                   .inputs = {activation(uniform(from, 1)), activation(uniform(to, 2))},
                   .outputs = {{"y", to}},
                   .run = [=](Backend& b, auto& in, auto& out) {
                       out[0].copy_from(in[1]);
                       b.copy_channels(in[0], r.from, out[0], r.to, r.count, {});
                   }});
        }
}

TEST_CASE("copying channels and summing them") {
    struct Range {
        std::int64_t channels, from, count;
    };
    for (const Shape& image : {Shape{1, 1, 1}, Shape{2, 5, 7}, Shape{2, 160, 128}})
        for (const Range& r : {Range{1, 0, 1}, Range{20, 3, 17}, Range{64, 0, 64}, Range{128, 64, 64},
                               Range{48, 16, 24}, Range{700, 0, 301}}) {
            if (image[1] > 100 && r.channels != 128) continue;  // large enough to go past a CPU's caches
            const Shape from{image[0], image[1], image[2], r.channels};
            const Shape to{image[0], image[1], image[2], r.count};
            check({.name = fmt::format("copy_channels with sums, {} of {}", r.count, from.str()),
                   .inputs = {activation(uniform(from, 1))},
                   .outputs = {{"y", to}, {"sums", {r.count}, Kind::parameter}},
                   .run = [=](Backend& b, auto& in, auto& out) {
                       b.copy_channels(in[0], r.from, out[0], 0, r.count, out[1]);
                   }});
        }
    // Into a wider tensor.
    check({.name = "copy_channels with sums, into a wider tensor",
           .inputs = {activation(uniform({2, 5, 7, 24}, 1)), activation(uniform({2, 5, 7, 40}, 2))},
           .outputs = {{"y", {2, 5, 7, 40}}, {"sums", {16}, Kind::parameter}},
           .run = [=](Backend& b, auto& in, auto& out) {
               out[0].copy_from(in[1]);
               b.copy_channels(in[0], 8, out[0], 24, 16, out[1]);
           }});
}

TEST_CASE("channels to pixels and back") {
    struct Sizes {
        std::int64_t n, h, w, c;
        int factor;
    };
    for (const Sizes& s : {Sizes{1, 1, 1, 1, 1}, Sizes{1, 1, 1, 3, 2}, Sizes{2, 5, 7, 3, 2}, Sizes{1, 5, 7, 17, 3},
                           Sizes{2, 5, 7, 8, 2}, Sizes{1, 7, 5, 64, 2}, Sizes{1, 5, 3, 16, 3}, Sizes{1, 3, 5, 8, 4},
                           Sizes{1, 2, 3, 24, 4}, Sizes{1, 2, 2, 2, 5}}) {
        const Shape packed{s.n, s.h, s.w, s.c * s.factor * s.factor}, spread{s.n, s.h * s.factor, s.w * s.factor, s.c};
        check({.name = fmt::format("pixel_shuffle {} by {}", packed.str(), s.factor),
               .inputs = {activation(uniform(packed, 1))},
               .outputs = {{"y", spread}},
               .run = [=](Backend& b, auto& in, auto& out) { b.pixel_shuffle(in[0], out[0], s.factor); },
               .f32_tolerance = 0,
               .bf16_tolerance = 0});
        check({.name = fmt::format("pixel_unshuffle {} by {}", spread.str(), s.factor),
               .inputs = {activation(uniform(spread, 1))},
               .outputs = {{"y", packed}},
               .run = [=](Backend& b, auto& in, auto& out) { b.pixel_unshuffle(in[0], out[0], s.factor); },
               .f32_tolerance = 0,
               .bf16_tolerance = 0});
    }
}

TEST_CASE("pixels that begin between two vectors") {
    using Operation = std::function<void(Backend&, const Tensor& x, const Tensor& y)>;
    const auto compare = [](const char* name, const Shape& from, const Shape& to, const Operation& operation) {
        check({.name = std::string(name) + ", unaligned",
               .inputs = {activation(uniform(from, 1))},
               .outputs = {{"from unaligned", to}, {"to unaligned", to}},
               .run = [=](Backend& b, auto& in, auto& out) {
                   const Tensor x = unaligned(from, in[0]), y = unaligned(to, in[0]);
                   x.copy_from(in[0]);
                   operation(b, x, out[0]);
                   operation(b, in[0], y);
                   out[1].copy_from(y);
               }});
    };
    const Shape small{2, 4, 5, 16}, large{2, 8, 10, 16}, packed{2, 4, 5, 64};
    compare("max_pool2d", large, small, [](Backend& b, auto& x, auto& y) { b.max_pool2d(x, y, {}); });
    compare("max_pool2d_backward", large, large, [=](Backend& b, auto& x, auto& dx) {
        const Tensor y = Tensor::empty(small, x.dtype(), x.device());
        b.max_pool2d(x, y, {});
        b.max_pool2d_backward(x, y, y, {}, dx, {});
    });
    compare("avg_pool2d", large, small, [](Backend& b, auto& x, auto& y) { b.avg_pool2d(x, y, {}); });
    compare("avg_pool2d_backward", small, large, [](Backend& b, auto& x, auto& y) { b.avg_pool2d_backward(x, y, {}); });
    for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::bilinear}) {
        compare("resize", small, large, [=](Backend& b, auto& x, auto& y) { b.resize(x, y, mode); });
        compare("resize_backward", large, small, [=](Backend& b, auto& x, auto& y) { b.resize_backward(x, y, mode); });
    }
    compare("pad2d", small, large, [](Backend& b, auto& x, auto& y) { b.pad2d(x, y, 1, 2); });
    compare("copy_channels", small, small, [](Backend& b, auto& x, auto& y) { b.copy_channels(x, 0, y, 0, 16, {}); });
    compare("pixel_shuffle", packed, large, [](Backend& b, auto& x, auto& y) { b.pixel_shuffle(x, y, 2); });
    compare("pixel_unshuffle", large, packed, [](Backend& b, auto& x, auto& y) { b.pixel_unshuffle(x, y, 2); });
}
