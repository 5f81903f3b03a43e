#include <doctest/doctest.h>

#include "backend/primitive.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("softmax") {
    for (const Shape& shape :
         {Shape{1, 1}, Shape{1, 5, 7, 1}, Shape{3, 2}, Shape{1, 5, 7, 3}, Shape{2, 5, 7, 11}, Shape{1, 5, 7, 17},
          Shape{2, 40, 33, 11}, Shape{16, 32}, Shape{3, 1000}, Shape{2, 64, 64, 12}}) {
        const auto name = [&](const char* primitive) { return std::string(primitive) + " " + shape.str(); };
        const Input y = activation(uniform(shape, 1, 0, 1)), dy = activation(uniform(shape, 2));
        for (const float range : {1.f, 30.f, 200.f})
            check({.name = name("softmax"),
                   .inputs = {activation(uniform(shape, 3, -range, range))},
                   .outputs = {{"y", shape}},
                   .run = [](Backend& b, auto& in, auto& out) { b.softmax(in[0], out[0]); }});
        check({.name = name("softmax_backward"),
               .inputs = {y, dy},
               .outputs = {{"dx", shape}},
               .run = [](Backend& b, auto& in, auto& out) { b.softmax_backward(in[0], in[1], out[0]); }});
    }
}
