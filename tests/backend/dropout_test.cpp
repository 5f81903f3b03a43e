#include <doctest/doctest.h>

#include "backend/primitive.h"
#include "support/compare.h"
#include "support/devices.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("dropout drops the same elements everywhere") {
    const PhiloxKey keys[] = {{1, Stream::dropout, 0}, {0xdeadbeefcafe1234u, Stream::dropout, 0x123456789abu}};
    for (const PhiloxKey& key : keys)
        for (const double rate : {0.0, 0.1, 0.5, 0.999})
            for (const Shape& shape :
                 {Shape{1}, Shape{3}, Shape{5, 7, 3}, Shape{2, 5, 7, 17}, Shape{33, 31, 64}, Shape{1000003}}) {
                if (shape.numel() > 1000000 && (rate != 0.1 || key.sequence != 0)) continue;
                const Input x = activation(away_from_zero(shape, 1));
                check({.name = fmt::format("dropout {} {}", rate, shape.str()),
                       .inputs = {x},
                       .outputs = {{"y", shape}},
                       .run = [=](Backend& b, auto& in, auto& out) { b.dropout(in[0], out[0], rate, key, {}); }});
                check({.name = fmt::format("dropout in place {} {}", rate, shape.str()),
                       .inputs = {x},
                       .outputs = {{"y", shape}},
                       .run = [=](Backend& b, auto& in, auto& out) {
                           out[0].copy_from(in[0]);
                           b.dropout(out[0], out[0], rate, key, {});
                       }});
            }
}
