#include "backend/cases.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace camber;
using namespace camber::testing;

namespace {
const Level small{.batch = 2, .pixels = 8, .channels = 8, .classes = 5, .parameters = 1000};
}

TEST_CASE("every primitive of the contract has a case") {
    const Cases cases = primitive_cases(small);
#define PRIMITIVE(name, ...) #name,
    for (const char* primitive : {
#include "backend/primitives.def"
         })
        CHECK_MESSAGE(
            std::any_of(cases.begin(), cases.end(), [&](const PrimitiveCase& c) { return c.primitive == primitive; }),
            std::string(primitive));
}

TEST_CASE("every primitive, as networks call it") { check(primitive_cases(small)); }
