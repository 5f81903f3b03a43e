#include "cuda/emulator/core.h"

#include <camber/error.h>

#include <algorithm>
#include <exception>

#include "cuda/emulator/arena.h"

namespace camber::emulator {
namespace {

thread_local Core* running_core = nullptr;

std::string text(const uint3& v) { return fmt::format("({},{},{})", v.x, v.y, v.z); }
std::string text(const Location& where) {
    const std::string file = where.file_name();
    const std::size_t slash = file.rfind('/');
    return fmt::format("{}:{}", slash == std::string::npos ? file : file.substr(slash + 1), where.line());
}

}  // namespace

const char* name_of(WarpOp op) {
    switch (op) {
        case WarpOp::sync:
            return "__syncwarp";
        case WarpOp::shuffle:
            return "__shfl_sync";
        case WarpOp::shuffle_up:
            return "__shfl_up_sync";
        case WarpOp::shuffle_down:
            return "__shfl_down_sync";
        case WarpOp::shuffle_xor:
            return "__shfl_xor_sync";
        case WarpOp::ballot:
            return "__ballot_sync";
        case WarpOp::match_any:
            return "__match_any_sync";
        case WarpOp::load_matrix:
            return "ldmatrix";
        case WarpOp::mma:
            return "mma.sync";
    }
    return "a warp operation";
}

Core& Core::get() {
    thread_local Core core;
    return core;
}

Core* Core::running() { return running_core; }

std::string Core::run_block(const BoundKernel& kernel, uint3 block, LaunchCounter* total) {
    const Shape& shape = kernel.shape;
    const unsigned count = shape.block.x * shape.block.y * shape.block.z;
    kernel_ = &kernel;
    fault_.clear();
    waiting_at_barrier_ = finished_ = 0;
    ready_.clear();
    threads_.resize(count);
    warps_.assign((count + 31) / 32, {});
    free_stacks_.clear();
    for (int i = static_cast<int>(stacks_.size()) - 1; i >= 0; --i) free_stacks_.push_back(i);
    for (unsigned i = 0; i < count; ++i) {
        Thread& t = threads_[i];
        t.indices = {{i % shape.block.x, i / shape.block.x % shape.block.y, i / shape.block.x / shape.block.y},
                     block,
                     shape.block,
                     shape.grid};
        t.state = Thread::State::unborn;
        t.stack = -1;
        t.copies.clear();
        t.copy_groups.clear();
        t.products.clear();
        t.product_groups.clear();
    }
    shared_.start_block(shape.shared_bytes);
    counting_ = total != nullptr;
    if (counting_) counter_.start_block(count);

    Core* const outer = running_core;
    running_core = this;
    for (unsigned next = 0; fault_.empty();) {
        if (!ready_.empty()) {
            Thread& t = *ready_.front();
            ready_.pop_front();
            resume(t);
        } else if (next < count) {
            resume(threads_[next++]);
        } else {
            break;
        }
    }
    running_core = outer;
    if (fault_.empty() && finished_ < count) {
        current_ = nullptr;
        fault_ = deadlock();
    }
    if (total && fault_.empty()) total->add(counter_, shared_.static_bytes());
    return fault_;
}

void Core::resume(Thread& t) {
    if (t.state == Thread::State::unborn) {
        if (free_stacks_.empty()) {
            free_stacks_.push_back(static_cast<int>(stacks_.size()));
            stacks_.emplace_back();
        }
        t.stack = free_stacks_.back();
        free_stacks_.pop_back();
        t.context = stacks_[static_cast<std::size_t>(t.stack)].prepare(&Core::enter_thread);
    }
    t.state = Thread::State::ready;
    current_ = &t;
    switch_context(scheduler_, t.context, stacks_[static_cast<std::size_t>(t.stack)].base(), FiberStack::bytes);
}

void Core::enter_thread() {
    finish_switch();
    Core& core = *running_core;
    core.kernel_->run(core.kernel_->arguments.get());
    core.finish_thread();
    std::terminate();  // a finished thread is never resumed
}

void Core::finish_thread() {
    Thread& t = *current_;
    const unsigned i = index(t), lane = i % 32;
    for (const WarpGroup& group : warps_[i / 32].groups)
        if (group.mask >> lane & 1u)
            fault([&] {
                return fmt::format("the thread has left the kernel, and {} names its lane {} in the mask {:#x}",
                                   name_of(group.op), lane, group.mask);
            });
    if (!t.copies.empty() || !t.copy_groups.empty())
        fault([&] {
            return std::string("the thread has left the kernel before its asynchronous copies were waited for");
        });
    if (!t.products.empty() || !t.product_groups.empty())
        fault([&] { return std::string("the thread has left the kernel before its products were waited for"); });
    t.state = Thread::State::finished;
    ++finished_;
    free_stacks_.push_back(t.stack);
    switch_context(t.context, scheduler_, nullptr, 0);
}

void Core::stop_watching() { running_core = nullptr; }

void Core::report(const std::string& what) {
    fault_ = fmt::format("kernel '{}', block {}, thread {}: {}", kernel_->name, text(current_->indices.block_idx),
                         text(current_->indices.thread_idx), what);
}

void Core::abandon() {
    switch_context(current_->context, scheduler_, nullptr, 0);
    std::terminate();
}

void Core::wait(Thread::State state, const Location& where) {
    Thread& t = *current_;
    t.state = state;
    t.where = where;
    switch_context(t.context, scheduler_, nullptr, 0);
}

void Core::wake(Thread& t) {
    t.state = Thread::State::ready;
    ready_.push_back(&t);
}

void Core::sync_threads(const Location& where) {
    if (++waiting_at_barrier_ < threads_.size()) {
        wait(Thread::State::at_barrier, where);
        return;
    }
    waiting_at_barrier_ = 0;
    for (Thread& t : threads_) {
        if (&t == current_) continue;
        if (t.where.line() != where.line() || t.where.column() != where.column())
            fault([&] {
                return fmt::format(
                    "divergent barrier: this thread is at __syncthreads in {} and thread {} at the one in {}",
                    text(where), text(t.indices.thread_idx), text(t.where));
            });
    }
    shared_.pass_barrier();
    count([](AccessCounter& counter, unsigned) { counter.barrier(); });
    for (Warp& warp : warps_) warp.epoch = 0;
    for (Thread& t : threads_)
        if (&t != current_) wake(t);
}

const std::array<std::uint32_t, 4>& Core::warp_operation(WarpOp op, unsigned mask, const LaneInput& input,
                                                         const Location& where) {
    Thread& t = *current_;
    const unsigned i = index(t), lane = i % 32, first = i - lane;
    Warp& warp = warps_[i / 32];
    if (!(mask >> lane & 1u))
        fault([&] {
            return fmt::format("{} in {}: the mask {:#x} leaves out the lane itself, {}", name_of(op), text(where),
                               mask, lane);
        });
    for (unsigned other = 0; other < 32; ++other) {
        if (!(mask >> other & 1u)) continue;
        const bool exists = first + other < threads_.size();
        if (!exists || threads_[first + other].state == Thread::State::finished)
            fault([&] {
                return fmt::format("{} in {}: lane {} of the mask {:#x} is inactive: it {}", name_of(op), text(where),
                                   other, mask, exists ? "has left the kernel" : "is not in the block");
            });
    }
    WarpGroup* group = nullptr;
    for (WarpGroup& candidate : warp.groups)
        if (candidate.op == op && candidate.mask == mask && !(candidate.arrived >> lane & 1u)) group = &candidate;
    if (!group) {
        warp.groups.push_back({op, mask, 0, {}});
        group = &warp.groups.back();
    }
    group->lanes[lane] = input;
    group->arrived |= 1u << lane;
    t.where = where;
    if (group->arrived == mask) {
        finish_group(warp, *group, first);
    } else {
        wait(Thread::State::in_warp_operation, where);
    }
    return t.result;
}

void Core::finish_group(Warp& warp, WarpGroup& group, unsigned first) {
    std::array<std::array<std::uint32_t, 4>, 32> results{};
    ++warp.epoch;
    if (const std::string wrong = evaluate(group, results); !wrong.empty()) {
        stop_watching();
        report(fmt::format("{} in {}: {}", name_of(group.op), text(current_->where), wrong));
    }
    if (!fault_.empty()) abandon();
    count([&](AccessCounter& counter, unsigned thread) {
        counter.warp_operation(group.op);
        bool all = true;
        for (unsigned i = first; i < first + 32 && i < threads_.size(); ++i)
            all = all && ((group.mask >> (i - first) & 1u) || threads_[i].state == Thread::State::finished);
        if (all) counter.meet(thread / 32);
    });
    for (unsigned lane = 0; lane < 32; ++lane) {
        if (!(group.mask >> lane & 1u)) continue;
        Thread& t = threads_[first + lane];
        t.result = results[lane];
        if (&t != current_) wake(t);
    }
    warp.groups.erase(warp.groups.begin() + (&group - warp.groups.data()));
}

std::string Core::deadlock() const {
    const auto waiting = [&](Thread::State state) {
        return std::find_if(threads_.begin(), threads_.end(), [&](const Thread& t) { return t.state == state; });
    };
    const auto barrier = waiting(Thread::State::at_barrier);
    const auto warp = waiting(Thread::State::in_warp_operation);
    const auto gone = waiting(Thread::State::finished);
    const Thread& victim = barrier != threads_.end() ? *barrier : *warp;
    std::string others;
    if (barrier != threads_.end() && warp != threads_.end()) {
        others =
            fmt::format("thread {} waits at a warp operation in {}", text(warp->indices.thread_idx), text(warp->where));
    } else if (barrier != threads_.end()) {
        others = fmt::format("thread {} has left the kernel", text(gone->indices.thread_idx));
    } else {
        const unsigned i = index(victim);
        const auto& groups = warps_[i / 32].groups;
        unsigned missing = 0;
        for (const WarpGroup& group : groups)
            if (group.arrived >> (i % 32) & 1u) missing = group.mask & ~group.arrived;
        others = fmt::format("lanes {:#x} of its warp do not come to it", missing);
    }
    return fmt::format("kernel '{}', block {}, thread {}: divergent {}: it waits in {}, and {}", kernel_->name,
                       text(victim.indices.block_idx), text(victim.indices.thread_idx),
                       barrier != threads_.end() ? "barrier" : "warp operation", text(victim.where), others);
}

Accessor Core::accessor() const {
    const unsigned i = index(*current_);
    return {static_cast<std::uint16_t>(i), warps_[i / 32].epoch};
}

void Core::access(const void* p, std::size_t bytes, bool write, bool atomic) {
#if defined(__SANITIZE_ADDRESS__)
    // Kernels have the sanitizer's checks instead of the hooks, so what was written before is not known here.
    static_cast<void>(p), static_cast<void>(bytes), static_cast<void>(write), static_cast<void>(atomic);
    return;
#endif
    if (stacks_[static_cast<std::size_t>(current_->stack)].contains(p)) return;
    if (shared_.contains(p)) {
        const Accessor who = accessor();
        stop_watching();
        if (const std::string wrong = shared_.access(p, bytes, write, atomic, who); !wrong.empty()) report(wrong);
        if (!fault_.empty()) abandon();
        running_core = this;
        return;
    }
    const char* const verb = write ? "write" : "read";
    const Arena& arena = Arena::get();
    if (arena.contains(p)) {
        if (!arena.accessible(p, bytes))
            fault([&] {
                return fmt::format("out-of-bounds {} of {} bytes of global memory, {}", verb, bytes, arena.describe(p));
            });
        return;
    }
    const auto within = [p](const void* begin, std::size_t size) {
        return static_cast<std::size_t>(static_cast<const char*>(p) - static_cast<const char*>(begin)) < size;
    };
    if (!write && (within(threads_.data(), threads_.size() * sizeof(Thread)) ||
                   within(kernel_->arguments.get(), kernel_->argument_bytes)))
        return;
    fault([&] { return fmt::format("{} of {} bytes at {}, which is not device memory", verb, bytes, p); });
}

void Core::count(const void* p, std::size_t bytes, AccessKind kind, const void* site) {
    const bool shared = shared_.contains(p);
    if (!shared && !Arena::get().contains(p)) return;
    stop_watching();
    const auto address = shared ? shared_.offset(p) : reinterpret_cast<std::uintptr_t>(p);
    counter_.access(index(*current_), {site, kind, p, address, bytes, shared ? shared_.name_at(p) : nullptr});
    running_core = this;
}

// --- what kernels call

const ThreadIndices& self() { return Core::running()->thread().indices; }

void* shared_memory(const void* id, const char* name, std::size_t bytes, std::size_t alignment) {
    Core& core = *Core::running();
    void* const array = core.shared().place(id, name, bytes, alignment);
    if (!array)
        core.fault([&] {
            return fmt::format("the block's shared memory does not hold {} ({} bytes): it has {}", name, bytes,
                               SharedMemory::capacity);
        });
    return array;
}

void* dynamic_shared_memory() {
    Core& core = *Core::running();
    if (core.kernel().shape.shared_bytes == 0)
        core.fault([&] { return std::string("the launch gives the kernel no dynamic shared memory"); });
    return core.shared().dynamic();
}

void sync_threads(const Location& where) { Core::running()->sync_threads(where); }

}  // namespace camber::emulator
