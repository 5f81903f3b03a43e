#include "backend/shape_cases.h"

#include <doctest/doctest.h>

#include "backend/pool_cases.h"
#include "backend/resize_cases.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// A tensor that begins one element after where vectors do.
Tensor unaligned(const Shape& shape, const Tensor& like) {
    return Tensor::empty({shape.numel() + 1}, like.dtype(), like.device()).slice(1, shape);
}

}  // namespace

TEST_CASE("padding and cropping") {
    for (const std::int64_t c : {1, 3, 17, 64})
        for (const Padding& by : {Padding{0, 0, 0, 0}, Padding{1, 2, 3, 4}, Padding{-1, -2, -1, -3},
                                  Padding{2, -1, -2, 3}, Padding{7, -4, -8, 9}})
            check(padding({2, 5, 7, c}, by));
}

TEST_CASE("copying channels leaves the others alone") {
    for (const Shape& image : {Shape{1, 1, 1}, Shape{2, 5, 7}, Shape{2, 160, 128}})
        for (const ChannelRange& r :
             {ChannelRange{1, 0, 2, 1, 1}, ChannelRange{3, 1, 5, 2, 2}, ChannelRange{17, 0, 20, 3, 17},
              ChannelRange{64, 0, 128, 64, 64}, ChannelRange{128, 64, 64, 0, 64}, ChannelRange{20, 3, 17, 0, 17},
              ChannelRange{48, 16, 40, 24, 8}, ChannelRange{2100, 0, 2400, 300, 2100}})
            // The large one goes past a CPU's caches.
            if (image[1] < 100 || r.x_channels == 64) check(channel_copy(image, r));
}

TEST_CASE("copying channels and summing them") {
    for (const Shape& image : {Shape{1, 1, 1}, Shape{2, 5, 7}, Shape{2, 160, 128}})
        for (const ChannelRange& r :
             {ChannelRange{1, 0, 1, 0, 1}, ChannelRange{20, 3, 17, 0, 17}, ChannelRange{64, 0, 64, 0, 64},
              ChannelRange{128, 64, 64, 0, 64}, ChannelRange{48, 16, 24, 0, 24}, ChannelRange{700, 0, 301, 0, 301}})
            if (image[1] < 100 || r.x_channels == 128) check(channel_copy(image, r, true));
    check(channel_copy({2, 5, 7}, {24, 8, 40, 24, 16}, true));  // into a wider tensor
}

TEST_CASE("channels to pixels and back") {
    struct Sizes {
        std::int64_t n, h, w, c;
        int factor;
    };
    for (const Sizes& s : {Sizes{1, 1, 1, 1, 1}, Sizes{1, 1, 1, 3, 2}, Sizes{2, 5, 7, 3, 2}, Sizes{1, 5, 7, 17, 3},
                           Sizes{2, 5, 7, 8, 2}, Sizes{1, 7, 5, 64, 2}, Sizes{1, 5, 3, 16, 3}, Sizes{1, 3, 5, 8, 4},
                           Sizes{1, 2, 3, 24, 4}, Sizes{1, 2, 2, 2, 5}})
        check(pixel_shuffling({s.n, s.h, s.w}, s.c, s.factor));
}

TEST_CASE("pixels that begin between two vectors") {
    const Shape small{2, 4, 5, 16}, large{2, 8, 10, 16};
    Cases all = max_pooling(large, {});
    const auto append = [&](const Cases& more) { all.insert(all.end(), more.begin(), more.end()); };
    append(average_pooling(large, {}));
    append(resizing(small, large, ResizeMode::nearest));
    append(resizing(small, large, ResizeMode::bilinear));
    append(pixel_shuffling({2, 4, 5}, 16, 2));
    append({padding(small, {1, 3, 2, 3}), channel_copy({2, 4, 5}, {16, 0, 16, 0, 16})});
    for (const PrimitiveCase& c : all)
        for (const bool input : {true, false}) {
            PrimitiveCase shifted = c;
            shifted.what += input ? ", from between two vectors" : ", to between two vectors";
            shifted.run = [=](Backend& b, Tensors in, Tensors out) {
                Tensor& moved = input ? in[0] : out[0];
                const Tensor there = moved;
                moved = unaligned(there.shape(), there);
                if (input) moved.copy_from(there);
                c.run(b, in, out);
                if (!input) there.copy_from(moved);
            };
            check(shifted);
        }
}
