#include "cuda/runtime/separate_allocator.h"

#include <camber/error.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr unsigned char pattern = 0xa5;  ///< in bf16 and f32 a small number, negative: neither zero nor NaN

}  // namespace

SeparateAllocator::SeparateAllocator(bool guarded, bool of_recording)
    : guard_(guarded ? guard_bytes : 0), of_recording_(of_recording) {}

SeparateAllocator::~SeparateAllocator() {
    for (const auto& [bytes, blocks] : kept_)
        for (char* const block : blocks) give_device_memory(block - guard_, total(bytes));
}

void* SeparateAllocator::allocate(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    throw_fault();
    bytes = std::max<std::size_t>(bytes, 1);
    char* block = nullptr;
    if (const auto kept = kept_.find(bytes); kept != kept_.end()) {
        block = kept->second.back();
        kept->second.pop_back();
        if (kept->second.empty()) kept_.erase(kept);
    } else {
        char* const segment = static_cast<char*>(take_device_memory(total(bytes)));
        if (!segment) return nullptr;
        block = segment + guard_;
        // In a recording these are part of what is replayed.
        if (guard_ > 0) set_bytes(segment, pattern, guard_);
        if (guard_ > 0) set_bytes(block + bytes, pattern, guard_);
        ++stats_.allocations;
        stats_.reserved += total(bytes);
    }
    used_[block] = bytes;
    ++stats_.requests;
    stats_.current += bytes;
    stats_.peak = std::max(stats_.peak, stats_.current);
    return block;
}

void SeparateAllocator::release(void* address) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = used_.find(static_cast<char*>(address));
    const auto [block, bytes] = *found;
    used_.erase(found);
    stats_.current -= bytes;
    if (of_recording_) {
        kept_[bytes].push_back(block);
        return;
    }
    try {
        if (fault_.empty() && !recording()) fault_ = fault_of(block, bytes);
    } catch (const Error&) {
        // The device's own fault, which the next call reports.
    }
    stats_.reserved -= total(bytes);
    give_device_memory(block - guard_, total(bytes));
}

std::string SeparateAllocator::fault_of(const char* block, std::size_t bytes) const {
    if (guard_ == 0) return {};
    std::array<unsigned char, guard_bytes> before, after;
    copy_to_host(before.data(), block - guard_, guard_);
    copy_to_host(after.data(), block + bytes, guard_);
    const auto changed = [](unsigned char byte) { return byte != pattern; };
    const auto under = std::find_if(before.begin(), before.end(), changed);
    const auto over = std::find_if(after.begin(), after.end(), changed);
    if (under == before.end() && over == after.end()) return {};
    const std::ptrdiff_t byte =
        under != before.end() ? under - before.end() : static_cast<std::ptrdiff_t>(bytes) + (over - after.begin());
    const std::string last = last_launch();
    return fmt::format("memory beyond a tensor was written to: byte {} of a tensor of {} bytes; {}", byte, bytes,
                       last.empty() ? "CAMBER_CHECK=1 names the kernel" : "the last launch was '" + last + "'");
}

void SeparateAllocator::check() {
    const std::lock_guard lock(mutex_);
    throw_fault();
    const auto check_block = [&](const char* block, std::size_t bytes) {
        if (const std::string fault = fault_of(block, bytes); !fault.empty()) throw Error(fault);
    };
    for (const auto& [block, bytes] : used_) check_block(block, bytes);
    for (const auto& [bytes, blocks] : kept_)
        for (const char* const block : blocks) check_block(block, bytes);
}

void SeparateAllocator::throw_fault() {
    if (!fault_.empty()) throw Error(std::exchange(fault_, {}));
}

MemoryStats SeparateAllocator::stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
}

void SeparateAllocator::reset_peak() {
    const std::lock_guard lock(mutex_);
    stats_.peak = stats_.current;
}

}  // namespace camber::CAMBER_GPU
