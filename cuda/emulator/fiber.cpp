#include "cuda/emulator/fiber.h"

#include <camber/error.h>
#include <sys/mman.h>

#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace camber::emulator {

FiberStack::FiberStack()
    : base_(static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0))) {
    if (base_ == MAP_FAILED) fail("emulator: no memory for the stacks of a block's threads");
}

FiberStack::~FiberStack() {
    if (base_) munmap(base_, bytes);
}

namespace {
/// A finished thread never returns from its frames, so AddressSanitizer still guards their variables.
void forget_frames([[maybe_unused]] char* stack) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(stack, FiberStack::bytes);
#endif
}
}  // namespace

#if defined(__x86_64__)

// The System V ABI's callee-saved registers go to the stack that is left, and come from the one that is entered.
asm(R"(
.text
.type camber_switch_stack, @function
camber_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size camber_switch_stack, .-camber_switch_stack
)");
extern "C" void camber_switch_stack(void** from, void* to);

namespace {
void jump(Context& from, Context& to) { camber_switch_stack(&from.state, to.state); }
}  // namespace

Context FiberStack::prepare(void (*entry)()) {
    forget_frames(base_);
    auto* top = reinterpret_cast<std::uintptr_t*>(base_ + bytes);
    *--top = 0;                                        // entry's return address: it never returns
    *--top = reinterpret_cast<std::uintptr_t>(entry);  // where the first switch returns to
    for (int i = 0; i < 6; ++i) *--top = 0;            // the callee-saved registers
    return {top};
}

#else

namespace {
void jump(Context& from, Context& to) {
    if (!from.state) from.state = new ucontext_t;
    swapcontext(static_cast<ucontext_t*>(from.state), static_cast<ucontext_t*>(to.state));
}
}  // namespace

Context FiberStack::prepare(void (*entry)()) {
    forget_frames(base_);
    auto* context = reinterpret_cast<ucontext_t*>(base_ + bytes - (sizeof(ucontext_t) + 63) / 64 * 64);
    getcontext(context);
    context->uc_stack.ss_sp = base_;
    context->uc_stack.ss_size = static_cast<std::size_t>(reinterpret_cast<char*>(context) - base_);
    context->uc_link = nullptr;
    makecontext(context, entry, 0);
    return {context};
}

#endif

#if defined(__SANITIZE_ADDRESS__)

namespace {
/// The thread's own stack, for switches back to the scheduler.
void own_stack(const void*& stack, std::size_t& bytes) {
    thread_local void* base = nullptr;
    thread_local std::size_t size = 0;
    if (!base) {
        pthread_attr_t attributes;
        pthread_getattr_np(pthread_self(), &attributes);
        pthread_attr_getstack(&attributes, &base, &size);
        pthread_attr_destroy(&attributes);
    }
    stack = base;
    bytes = size;
}
}  // namespace

void switch_context(Context& from, Context& to, const void* stack, std::size_t bytes) {
    void* fake_stack = nullptr;
    if (!stack) own_stack(stack, bytes);
    __sanitizer_start_switch_fiber(&fake_stack, stack, bytes);
    jump(from, to);
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
}

void finish_switch() { __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr); }

#else

void switch_context(Context& from, Context& to, const void*, std::size_t) { jump(from, to); }
void finish_switch() {}

#endif

}  // namespace camber::emulator
