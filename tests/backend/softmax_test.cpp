#include "backend/softmax_cases.h"

#include <doctest/doctest.h>

using namespace camber;
using namespace camber::testing;

TEST_CASE("softmax") {
    for (const Shape& shape :
         {Shape{1, 1}, Shape{1, 5, 7, 1}, Shape{3, 2}, Shape{1, 5, 7, 3}, Shape{2, 5, 7, 11}, Shape{1, 5, 7, 17},
          Shape{2, 40, 33, 11}, Shape{16, 32}, Shape{3, 1000}, Shape{2, 64, 64, 12}}) {
        for (const float range : {1.f, 30.f, 200.f}) check(softmax(shape, range));
        check(softmax_backward(shape));
    }
}
