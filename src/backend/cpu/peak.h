#pragma once
#include <cstdint>

namespace camber::cpu {

/// Does `rounds` rounds of fused multiply-adds on every thread, in registers, and gives the additions and
/// multiplications of one round on all of them: what the processor does of f32 at most, where it is timed.
double multiply_add(std::int64_t rounds);

}  // namespace camber::cpu
