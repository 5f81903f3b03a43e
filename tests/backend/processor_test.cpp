#include "devices/processor.h"

#include <doctest/doctest.h>

#include <string>

using namespace camber;

TEST_CASE("a processor without what the kernels are compiled for is found out") {
    const cpu::Instructions v3{.avx2 = true, .fma = true, .bmi2 = true};
    cpu::Instructions zen4 = v3;
    zen4.avx512 = zen4.avx512_bf16 = true;
    CHECK(lacking({}, {}) == nullptr);
    CHECK(lacking(v3, v3) == nullptr);
    CHECK(lacking(v3, zen4) == nullptr);
    CHECK(lacking(v3, {}) == std::string("AVX2"));
    CHECK(lacking(v3, {.avx2 = true, .bmi2 = true}) == std::string("FMA"));
    CHECK(lacking(v3, {.avx2 = true, .fma = true}) == std::string("BMI2"));
    CHECK(lacking(zen4, v3) == std::string("AVX-512"));
    zen4.avx512_bf16 = false;
    CHECK(lacking({.avx512_bf16 = true}, zen4) == std::string("AVX512_BF16"));
    CHECK(processor_lacks() == nullptr);  // or this test would not run
}
