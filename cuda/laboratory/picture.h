#pragma once
#include "cuda/laboratory/report.h"

namespace camber::laboratory {

/// An SVG of counted versions under the roof: how much of it each can reach at most, and where each part of the GPU
/// would end it.
std::string bounds_picture(const Trial& trial, const std::vector<Result>& results, const Gpu& gpu);

}  // namespace camber::laboratory
