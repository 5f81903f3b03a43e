#include <doctest/doctest.h>

#include <cmath>

#include "backend/primitive.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("argmax takes the first among equals") {
    for (const Shape& shape :
         {Shape{1, 1, 1, 1}, Shape{1, 5, 7, 3}, Shape{2, 5, 7, 17}, Shape{2, 40, 33, 11}, Shape{1, 3, 3, 256}}) {
        const Tensor x = uniform(shape, 1);
        for (std::int64_t i = 0; i < x.numel(); ++i) x.data<double>()[i] = std::round(x.data<double>()[i] * 4);
        check({.name = "argmax " + shape.str(),
               .inputs = {activation(x)},
               .outputs = {{"labels", {shape[0], shape[1], shape[2]}, Kind::u8}},
               .run = [](Backend& b, auto& in, auto& out) { b.argmax(in[0], out[0]); },
               .f32_tolerance = 0,
               .bf16_tolerance = 0});
    }
}

TEST_CASE("the confusion matrix is added to") {
    for (const int classes : {1, 3, 11, 256})
        for (const int ignore : {-1, 0, 255}) {
            const Shape image{2, 67, 33};
            check({.name = fmt::format("confusion_matrix of {} classes, {} ignored", classes, ignore),
                   .inputs = {{random_labels(image, classes, 1), Kind::u8},
                              {random_labels(image, classes, 2, 255), Kind::u8}},
                   .outputs = {{"counts", {classes, classes}, Kind::i32}},
                   .run =
                       [=](Backend& b, auto& in, auto& out) {
                           b.fill(out[0], 5);
                           b.confusion_matrix(in[0], in[1], out[0], ignore);
                       },
                   .f32_tolerance = 0,
                   .bf16_tolerance = 0});
        }
}
