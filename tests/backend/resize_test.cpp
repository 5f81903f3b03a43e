#include "backend/resize_cases.h"

#include <doctest/doctest.h>

using namespace camber;
using namespace camber::testing;

TEST_CASE("resizing up, down and to the same size") {
    struct Sizes {
        std::int64_t n, h, w, c, ho, wo;
    };
    const Sizes sizes[] = {{1, 1, 1, 1, 1, 1},        {1, 1, 1, 3, 4, 5},      {2, 5, 7, 3, 10, 14},
                           {1, 5, 7, 17, 3, 4},       {1, 5, 7, 3, 13, 9},     {2, 6, 8, 16, 6, 8},
                           {1, 7, 5, 3, 1, 1},        {1, 9, 9, 2, 5, 17},     {2, 16, 12, 64, 32, 24},
                           {1, 64, 64, 32, 128, 128}, {1, 128, 96, 11, 50, 60}};
    for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::nearest_half_pixel, ResizeMode::bilinear,
                                  ResizeMode::bilinear_align_corners})
        for (const Sizes& s : sizes) check(resizing({s.n, s.h, s.w, s.c}, {s.n, s.ho, s.wo, s.c}, mode));
}
