#include <camber/error.h>

#include <bit>
#include <cstring>

#include "cuda/emulator/core.h"

/// wgmma.mma_async on operands in shared memory with the swizzle of 128 bytes, whose layouts are those of the PTX
/// manual's "Shared Memory Matrix Layout" and, of the sums, "Register Fragments for wgmma.mma_async.m64nNk16".
namespace camber::emulator {
namespace {

using Operand = Thread::PendingProduct::Operand;

constexpr std::size_t row_bytes = 128, depth = 16;

/// Where element (m or n, k) of an instruction's operand lies, as an address in shared memory: bits 4 to 6 of what it
/// would be are changed by bits 7 to 9.
std::size_t place(const Operand& operand, std::size_t start, std::size_t mn, std::size_t k) {
    const std::size_t plain = operand.transposed ? start + mn / 64 * static_cast<std::size_t>(operand.matrix.block) +
                                                       k * row_bytes + mn % 64 * 2
                                                 : start + mn * row_bytes + k * 2;
    return plain ^ (plain >> 7 & 7) << 4;
}

/// What is wrong with an operand that begins at this address, or nothing.
const char* wrong_with(const Operand& operand, std::size_t start) {
    if (start % 16 != 0) return "an operand of a warpgroup's product is not aligned to 16 bytes";
    if (start % 1024 >= row_bytes) return "an operand of a warpgroup's product begins within eight rows";
    if (!operand.transposed && start % row_bytes > row_bytes - 2 * depth)
        return "an operand of a warpgroup's product ends behind its rows";
    if (operand.transposed && start % row_bytes != 0)
        return "a transposed operand of a warpgroup's product begins within a row";
    if (operand.transposed && operand.matrix.block % 1024 != 0)
        return "blocks of a transposed operand do not begin at multiples of 1024 bytes";
    return nullptr;
}

/// Checks the threads' reading of an operand, of `extent` m or n: each thread's part of its chunks of 16 bytes.
void check(Core& core, const Operand& operand, std::size_t extent, std::size_t thread) {
    if (!core.shared().contains(operand.matrix.start))
        core.fault([&] { return std::string("a warpgroup's product reads shared memory only"); });
    const std::size_t start = shared_address(operand.matrix.start);
    if (const char* const wrong = wrong_with(operand, start)) core.fault([&] { return std::string(wrong); });
    const auto* const base = static_cast<const char*>(core.shared().dynamic());
    for (std::size_t chunk = thread; chunk < 2 * extent; chunk += 128) {
        const std::size_t at = operand.transposed ? place(operand, start, chunk / depth * 8, chunk % depth)
                                                  : place(operand, start, chunk / 2, chunk % 2 * 8);
        core.access(base + at, 16, false);
    }
}

float element(const char* base, const Operand& operand, std::size_t mn, std::size_t k) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, base + place(operand, shared_address(operand.matrix.start), mn, k), 2);
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

void compute(const char* base, const Thread::PendingProduct& product, std::size_t thread) {
    const std::size_t lane = thread % 32, row = thread / 32 * 16 + lane / 4;
    float a[2][depth];
    for (std::size_t half = 0; half < 2; ++half)
        for (std::size_t k = 0; k < depth; ++k) a[half][k] = element(base, product.a, row + half * 8, k);
    for (std::size_t i = 0; i < static_cast<std::size_t>(product.count); i += 4)
        for (std::size_t c = 0; c < 2; ++c) {
            const std::size_t column = 2 * i + lane % 4 * 2 + c;
            float low = product.add ? product.sums[i + c] : 0, high = product.add ? product.sums[i + c + 2] : 0;
            for (std::size_t k = 0; k < depth; ++k) {
                const float b = element(base, product.b, column, k);
                low += a[0][k] * b;
                high += a[1][k] * b;
            }
            product.sums[i + c] = low;
            product.sums[i + c + 2] = high;
        }
}

std::size_t in_warpgroup(const Thread& thread) {
    const auto& [index, block, extent, grid] = thread.indices;
    return (index.x + extent.x * (index.y + extent.y * index.z)) % 128;
}

}  // namespace

unsigned shared_address(const void* p) {
    const auto* const base = static_cast<const char*>(Core::running()->shared().dynamic());
    return static_cast<unsigned>(static_cast<const char*>(p) - base);
}

void queue_product(float* sums, int count, SharedMatrix a, bool a_transposed, SharedMatrix b, bool b_transposed,
                   bool add) {
    Core& core = *Core::running();
    Thread& thread = core.thread();
    const Thread::PendingProduct product = {sums, count, add, {a, a_transposed}, {b, b_transposed}};
    check(core, product.a, 64, in_warpgroup(thread));
    check(core, product.b, 2 * static_cast<std::size_t>(count), in_warpgroup(thread));
    thread.products.push_back(product);
    core.count([&](AccessCounter& counter, unsigned) {
        counter.tensor_operations(std::int64_t{2} * 64 * 2 * count * static_cast<std::int64_t>(depth) / 128);
    });
}

void commit_products(const Location& where) {
    Core& core = *Core::running();
    core.warp_operation(WarpOp::sync, 0xffffffffu, {}, where);
    Thread& thread = core.thread();
    thread.product_groups.push_back(std::move(thread.products));
    thread.products.clear();
}

void wait_products(int newest_left) {
    Core& core = *Core::running();
    Thread& thread = core.thread();
    const auto* const base = static_cast<const char*>(core.shared().dynamic());
    while (thread.product_groups.size() > static_cast<std::size_t>(newest_left)) {
        for (const Thread::PendingProduct& product : thread.product_groups.front()) {
            // What another thread has written meanwhile must not be there yet.
            check(core, product.a, 64, in_warpgroup(thread));
            check(core, product.b, 2 * static_cast<std::size_t>(product.count), in_warpgroup(thread));
            compute(base, product, in_warpgroup(thread));
        }
        thread.product_groups.pop_front();
    }
}

}  // namespace camber::emulator
