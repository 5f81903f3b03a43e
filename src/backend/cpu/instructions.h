#pragma once

namespace camber::cpu {

/// Instruction sets that x86-64 began without.
struct Instructions {
    bool avx2 = false, fma = false, bmi2 = false;
    bool avx512 = false;  // F, BW, DQ and VL
    bool avx512_bf16 = false;
};

/// Those that this folder is compiled for. A constant: to read it runs nothing that is compiled for them.
extern const Instructions compiled_for;

}  // namespace camber::cpu
