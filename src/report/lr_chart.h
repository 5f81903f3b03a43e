#pragma once
#include <camber/lr_range_test.h>

#include <string>

namespace camber::report {

/// The curve of a learning-rate range test as an SVG file that stands by itself: losses over the logarithm of the rate,
/// the batches' own and smoothed, and where the suggestions lie. Light or dark as the viewer is.
std::string lr_chart(const LrCurve& curve, const std::vector<LrSuggestion>& suggestions, const std::string& title);

}  // namespace camber::report
