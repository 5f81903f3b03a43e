#include "backend/cpu/cpu.h"

#include <omp.h>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/onednn.h"

namespace camber {
namespace cpu {

std::string CpuBackend::describe() const {
#if defined(__AVX512BF16__)
    const char* instructions = "AVX-512, AVX512_BF16";
#elif defined(__AVX512F__)
    const char* instructions = "AVX-512";
#elif defined(__AVX2__)
    const char* instructions = "AVX2";
#else
    const char* instructions = "the compiler's baseline instructions";
#endif
    return fmt::format("{} threads, {}, {}", omp_get_max_threads(), instructions, onednn_version());
}

}  // namespace cpu

Backend& cpu_backend() {
    static cpu::CpuBackend instance;
    return instance;
}

}  // namespace camber
