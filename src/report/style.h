#pragma once
#include <string_view>

namespace camber::report {

/// The style sheet of every page. Series have Okabe and Ito's colours, which colour-blind people tell apart, lightened
/// for the dark theme.
extern const std::string_view style;

}  // namespace camber::report
