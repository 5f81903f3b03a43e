#pragma once
#include <string>
#include <vector>

namespace camber {

/// Of frames where nobody names any for validation.
inline constexpr double usual_val_fraction = 0.2;

/// Which of the frames are for validation: `fraction` of them, at least one and not all, by the hash of their names.
/// The same for the same names, whatever their order or machine.
std::vector<bool> held_for_validation(const std::vector<std::string>& names, double fraction);

}  // namespace camber
