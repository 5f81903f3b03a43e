#include "backend/cpu/instructions.h"

namespace camber::cpu {

constinit const Instructions compiled_for = {
#if defined(__AVX2__)
    .avx2 = true,
#endif
#if defined(__FMA__)
    .fma = true,
#endif
#if defined(__BMI2__)
    .bmi2 = true,
#endif
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
    .avx512 = true,
#endif
#if defined(__AVX512BF16__)
    .avx512_bf16 = true,
#endif
};

}  // namespace camber::cpu
