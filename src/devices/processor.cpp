#include "devices/processor.h"

namespace camber {

cpu::Instructions processor_instructions() {
    cpu::Instructions has;
#if defined(__x86_64__)
    __builtin_cpu_init();
    has.avx2 = __builtin_cpu_supports("avx2");
    has.fma = __builtin_cpu_supports("fma");
    has.bmi2 = __builtin_cpu_supports("bmi2");
    has.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    has.avx512_bf16 = __builtin_cpu_supports("avx512bf16");
#endif
    return has;
}

const char* lacking(const cpu::Instructions& needed, const cpu::Instructions& has) {
    if (needed.avx2 && !has.avx2) return "AVX2";
    if (needed.fma && !has.fma) return "FMA";
    if (needed.bmi2 && !has.bmi2) return "BMI2";
    if (needed.avx512 && !has.avx512) return "AVX-512";
    if (needed.avx512_bf16 && !has.avx512_bf16) return "AVX512_BF16";
    return nullptr;
}

const char* processor_lacks() { return lacking(cpu::compiled_for, processor_instructions()); }

}  // namespace camber
