#include <cstddef>

#include "cuda/emulator/core.h"

/// Kernels are compiled with -fsanitize=thread, so that the compiler calls one of these functions before every access
/// to memory; in place of ThreadSanitizer's own, they hand it to the emulator. (In a build under AddressSanitizer
/// kernels are compiled with that instead, and nothing calls these.)
namespace {

using camber::emulator::AccessKind;
using camber::emulator::Core;

__attribute__((noinline, cold)) void counted_access(Core* core, const void* p, std::size_t bytes, bool write,
                                                    const void* site) {
    core->count(p, bytes, write ? AccessKind::store : AccessKind::load, site);
    core->access(p, bytes, write);
}

/// `site`: where the hook returns to.
void access(const void* p, std::size_t bytes, bool write, const void* site) {
    Core* const core = Core::running();
    if (!core) return;  // host code that happens to have been compiled along with a kernel
    if (core->counts()) return counted_access(core, p, bytes, write, site);
    core->access(p, bytes, write);
}

}  // namespace

extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(const void* p, unsigned long bytes) { access(p, bytes, false, __builtin_return_address(0)); }
void __tsan_write_range(const void* p, unsigned long bytes) { access(p, bytes, true, __builtin_return_address(0)); }

#define CAMBER_HOOK(bytes)                                                                                    \
    void __tsan_read##bytes(const void* p) { access(p, bytes, false, __builtin_return_address(0)); }          \
    void __tsan_write##bytes(const void* p) { access(p, bytes, true, __builtin_return_address(0)); }          \
    void __tsan_volatile_read##bytes(const void* p) { access(p, bytes, false, __builtin_return_address(0)); } \
    void __tsan_volatile_write##bytes(const void* p) { access(p, bytes, true, __builtin_return_address(0)); }
CAMBER_HOOK(1)
CAMBER_HOOK(2)
CAMBER_HOOK(4)
CAMBER_HOOK(8)
CAMBER_HOOK(16)
#undef CAMBER_HOOK

#define CAMBER_HOOK(bytes)                                                                                     \
    void __tsan_unaligned_read##bytes(const void* p) { access(p, bytes, false, __builtin_return_address(0)); } \
    void __tsan_unaligned_write##bytes(const void* p) { access(p, bytes, true, __builtin_return_address(0)); }
CAMBER_HOOK(2)
CAMBER_HOOK(4)
CAMBER_HOOK(8)
CAMBER_HOOK(16)
#undef CAMBER_HOOK

// Host code in a kernel's source (reference counts) uses these; kernels use CUDA's atomics.
// NOLINTBEGIN(bugprone-macro-parentheses): a type
#define CAMBER_ATOMIC(bits, type)                                                                                     \
    type __tsan_atomic##bits##_load(const type* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }              \
    void __tsan_atomic##bits##_store(type* p, type v, int) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }              \
    type __tsan_atomic##bits##_exchange(type* p, type v, int) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); } \
    type __tsan_atomic##bits##_fetch_add(type* p, type v, int) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); } \
    type __tsan_atomic##bits##_fetch_sub(type* p, type v, int) { return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST); } \
    int __tsan_atomic##bits##_compare_exchange_strong(type* p, type* expected, type v, int, int) {                    \
        return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                \
    }
CAMBER_ATOMIC(8, unsigned char)
CAMBER_ATOMIC(32, unsigned)
CAMBER_ATOMIC(64, unsigned long)
#undef CAMBER_ATOMIC
// NOLINTEND(bugprone-macro-parentheses)
}
