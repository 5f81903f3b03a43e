#pragma once
#include <cstddef>

/// Stacks that can be switched between within one OS thread.
namespace camber::emulator {

/// A stopped flow of control: its stack pointer (x86-64), or a ucontext elsewhere.
struct Context {
    void* state = nullptr;
};

class FiberStack {
  public:
    static constexpr std::size_t bytes = 128 * 1024;
    FiberStack();
    ~FiberStack();
    FiberStack(FiberStack&& other) noexcept : base_(other.base_) { other.base_ = nullptr; }
    FiberStack& operator=(FiberStack&&) = delete;
    char* base() const { return base_; }
    bool contains(const void* p) const {
        const auto* c = static_cast<const char*>(p);
        return c >= base_ && c < base_ + bytes;
    }
    /// A context that calls entry() on this stack when it is first switched to; entry must never return.
    Context prepare(void (*entry)());

  private:
    char* base_;
};

/// Saves the caller in `from` and goes on with `to`, which runs on the `bytes` from `stack` (null: the thread's own).
void switch_context(Context& from, Context& to, const void* stack, std::size_t bytes);
/// First thing in an entry function: tells AddressSanitizer that the switch is done.
void finish_switch();

}  // namespace camber::emulator
