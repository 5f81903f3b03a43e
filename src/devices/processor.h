#pragma once
#include "backend/cpu/instructions.h"

namespace camber {

/// What this machine's processor has.
cpu::Instructions processor_instructions();

/// The name of what `has` lacks of `needed`, null where it lacks nothing.
const char* lacking(const cpu::Instructions& needed, const cpu::Instructions& has);

/// The same of this build and this processor. Neither this nor the above calls anything: what other files share with
/// the kernels, the linker may have taken from those.
const char* processor_lacks();

}  // namespace camber
