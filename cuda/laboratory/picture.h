#pragma once
#include "cuda/laboratory/report.h"

namespace camber::laboratory {

/// An SVG of counted versions under the roof: how much of it each can reach at most, and where each part of the GPU
/// would end it.
std::string bounds_picture(const Trial& trial, const std::vector<Result>& results, const Gpu& gpu);

/// An SVG of operations a second over operations a byte, both in powers of ten: the roofs of the GPU (memory, f32
/// units, tensor cores), and every counted version at the bytes that it touches and the rate that its bound leaves it.
/// Throws UsageError where the problem has no operations to speak of.
std::string roofline_picture(const Trial& trial, const std::vector<Result>& results, const Gpu& gpu);

}  // namespace camber::laboratory
