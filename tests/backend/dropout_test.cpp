#include "backend/dropout_cases.h"

#include <doctest/doctest.h>

using namespace camber;
using namespace camber::testing;

TEST_CASE("dropout drops the same elements everywhere") {
    const PhiloxKey keys[] = {{1, Stream::dropout, 0}, {0xdeadbeefcafe1234u, Stream::dropout, 0x123456789abu}};
    for (const PhiloxKey& key : keys)
        for (const double rate : {0.0, 0.1, 0.5, 0.999})
            for (const Shape& shape :
                 {Shape{1}, Shape{3}, Shape{5, 7, 3}, Shape{2, 5, 7, 17}, Shape{33, 31, 64}, Shape{1000003}}) {
                if (shape.numel() > 1000000 && (rate != 0.1 || key.sequence != 0)) continue;
                PrimitiveCase c = dropout(shape, rate, key);
                check(c);
                c.what += " in place";
                c.prepare = [](Backend&, auto& in, auto& out) { out[0].copy_from(in[0]); };
                c.run = [=](Backend& b, auto&, auto& out) { b.dropout(out[0], out[0], rate, key, {}); };
                check(c);
            }
}
