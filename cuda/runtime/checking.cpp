#include "cuda/runtime/checking.h"

#include "core/environment.h"

namespace camber::CAMBER_GPU {

bool checking() {
    static const bool asked_for = environment_flag("CAMBER_CHECK", false);
    return asked_for;
}

MemoryMode parse_memory_mode(const std::string& text) {
    if (text == "cached") return MemoryMode::cached;
    if (text == "exact") return MemoryMode::exact;
    if (text == "guarded") return MemoryMode::guarded;
    fail_usage("CAMBER_MEMORY={}: it takes cached, exact or guarded", text);
}

MemoryMode memory_mode() {
    static const MemoryMode mode = [] {
        const std::string text = environment_text("CAMBER_MEMORY");
        return text.empty() ? MemoryMode::cached : parse_memory_mode(text);
    }();
    return mode;
}

}  // namespace camber::CAMBER_GPU
