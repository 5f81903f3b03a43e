#include <camber/error.h>

#include <algorithm>

#include "cuda/emulator/core.h"

/// Warp operations, asynchronous copies and atomics.
namespace camber::emulator {
namespace {

/// The lane that `lane` reads from; itself where the neighbour would be outside its segment.
int source_lane(WarpOp op, int lane, int operand, int width) {
    const int begin = lane / width * width, end = begin + width;
    switch (op) {
        case WarpOp::shuffle:
            return begin + (operand % width + width) % width;
        case WarpOp::shuffle_up:
            return lane - operand >= begin ? lane - operand : lane;
        case WarpOp::shuffle_down:
            return lane + operand < end ? lane + operand : lane;
        default:
            return (lane ^ operand) < end ? lane ^ operand : lane;
    }
}

template <class T>
T combine(AtomicOp op, T current, T value, T compare) {
    switch (op) {
        case AtomicOp::add:
            return static_cast<T>(current + value);
        case AtomicOp::max:
            return std::max(current, value);
        case AtomicOp::min:
            return std::min(current, value);
        case AtomicOp::exchange:
            return value;
        case AtomicOp::compare_exchange:
            break;
    }
    return current == compare ? value : current;
}

/// Blocks on other OS threads may be at the same address.
template <class T>
std::uint64_t apply(AtomicOp op, void* address, std::uint64_t value, std::uint64_t compare) {
    auto* p = static_cast<T*>(address);
    T current, wanted;
    __atomic_load(p, &current, __ATOMIC_RELAXED);
    do {
        wanted = combine(op, current, from_bits<T>(value), from_bits<T>(compare));
    } while (!__atomic_compare_exchange(p, &current, &wanted, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return to_bits(current);
}

}  // namespace

std::string evaluate(const WarpGroup& group, std::array<std::array<std::uint32_t, 4>, 32>& results) {
    if (group.op == WarpOp::load_matrix || group.op == WarpOp::mma) {
        if (group.mask != 0xffffffffu) return "needs all 32 lanes";
        (group.op == WarpOp::mma ? evaluate_mma : evaluate_load_matrix)(group, results);
        return {};
    }
    const auto set = [&](int lane, std::uint64_t value) {
        results[static_cast<std::size_t>(lane)] = {static_cast<std::uint32_t>(value),
                                                   static_cast<std::uint32_t>(value >> 32), 0, 0};
    };
    for (int lane = 0; lane < 32; ++lane) {
        if (!(group.mask >> lane & 1u)) continue;
        const LaneInput& mine = group.lanes[static_cast<std::size_t>(lane)];
        std::uint64_t value = 0;
        switch (group.op) {
            case WarpOp::ballot:
            case WarpOp::match_any:
                for (unsigned other = 0; other < 32; ++other) {
                    if (!(group.mask >> other & 1u)) continue;
                    const std::uint64_t theirs = group.lanes[other].value;
                    if (group.op == WarpOp::ballot ? theirs != 0 : theirs == mine.value) value |= 1ull << other;
                }
                break;
            case WarpOp::shuffle:
            case WarpOp::shuffle_up:
            case WarpOp::shuffle_down:
            case WarpOp::shuffle_xor: {
                const int source = source_lane(group.op, lane, mine.operand, mine.width);
                if (!(group.mask >> source & 1u))
                    return fmt::format("lane {} reads from lane {}, which is inactive: the mask {:#x} leaves it out",
                                       lane, source, group.mask);
                value = group.lanes[static_cast<std::size_t>(source)].value;
                break;
            }
            default:
                break;
        }
        set(lane, value);
    }
    return {};
}

std::uint64_t warp_operation(WarpOp op, unsigned mask, std::uint64_t value, int operand, int width,
                             const Location& where) {
    LaneInput input;
    input.value = value;
    input.operand = operand;
    input.width = width;
    const auto& result = Core::running()->warp_operation(op, mask, input, where);
    return result[0] | static_cast<std::uint64_t>(result[1]) << 32;
}

void copy_async(void* shared, const void* global, int valid) {
    Core& core = *Core::running();
    if (!core.shared().contains(shared))
        core.fault([&] { return std::string("an asynchronous copy writes to shared memory only"); });
    if (reinterpret_cast<std::uintptr_t>(shared) % 16 != 0 || reinterpret_cast<std::uintptr_t>(global) % 16 != 0)
        core.fault([&] { return std::string("an asynchronous copy of 16 bytes is not aligned to 16 bytes"); });
    if (valid > 0) core.access(global, static_cast<std::size_t>(valid), false);
    if (core.counts()) {
        const void* const site = __builtin_return_address(0);
        if (valid > 0) core.count(global, static_cast<std::size_t>(valid), AccessKind::copy_async, site);
        core.count(shared, 16, AccessKind::copy_async, site);
    }
    core.thread().copies.push_back({shared, global, valid});
}

void commit_copies() {
    Thread& t = Core::running()->thread();
    t.copy_groups.push_back(std::move(t.copies));
    t.copies.clear();
}

void wait_copies(int newest_left) {
    Core& core = *Core::running();
    Thread& t = core.thread();
    core.count([](AccessCounter& counter, unsigned thread) { counter.wait_for_copies(thread); });
    while (t.copy_groups.size() > static_cast<std::size_t>(newest_left)) {
        for (const Thread::PendingCopy& copy : t.copy_groups.front()) {
            core.access(copy.shared, 16, true);
            std::memset(copy.shared, 0, 16);
            if (copy.valid > 0) std::memcpy(copy.shared, copy.global, static_cast<std::size_t>(copy.valid));
        }
        t.copy_groups.pop_front();
    }
}

std::uint64_t atomic(AtomicOp op, char kind, void* address, std::uint64_t value, std::uint64_t compare) {
    const std::size_t bytes = kind == 'f' || kind == 'i' || kind == 'u' ? 4 : 8;
    Core& core = *Core::running();
    core.access(address, bytes, true, true);
    if (core.counts()) core.count(address, bytes, AccessKind::atomic, __builtin_return_address(0));
    switch (kind) {
        case 'f':
            return apply<float>(op, address, value, compare);
        case 'd':
            return apply<double>(op, address, value, compare);
        case 'i':
            return apply<std::int32_t>(op, address, value, compare);
        case 'u':
            return apply<std::uint32_t>(op, address, value, compare);
        case 'l':
            return apply<std::int64_t>(op, address, value, compare);
        default:
            return apply<std::uint64_t>(op, address, value, compare);
    }
}

}  // namespace camber::emulator
