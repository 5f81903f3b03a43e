#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "cuda/emulator/vector_types.h"

/// Barriers, warp operations and atomics.
namespace camber::emulator {

using Location = std::source_location;

enum class WarpOp { sync, shuffle, shuffle_up, shuffle_down, shuffle_xor, ballot, match_any, load_matrix, mma };

void sync_threads(const Location& where);
/// Waits until every lane of `mask` has come with the same operation. `value` is this lane's; returns its result.
std::uint64_t warp_operation(WarpOp op, unsigned mask, std::uint64_t value, int operand, int width,
                             const Location& where);
/// Four 8x8 matrices of 16-bit elements (ldmatrix.x4): lane 8 * i + j gives the address of row j of matrix i.
void load_matrix_x4(unsigned (&fragment)[4], const void* row, bool transpose, const Location& where);
/// c += a * b, one m16n8k16 product of bf16 with f32 accumulators over a warp (mma.sync).
void mma_bf16(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2], const Location& where);
/// cp.async: 16 bytes to shared memory, of which the first `valid` come from global memory and the rest are zero. They
/// arrive at the wait, as late as the hardware may deliver them.
void copy_async(void* shared, const void* global, int valid);
void commit_copies();
void wait_copies(int newest_left);

/// An operand of a warpgroup's product, as cuda/kernels/warpgroup.h describes it.
struct SharedMatrix {
    const void* start;
    int block;  ///< bytes
};
/// sums = a * b, or sums += a * b if `add`: one m64nNk16 product of bf16 over a warpgroup (wgmma.mma_async), N = 2 *
/// count. It is computed at the wait, as late as the hardware may read its operands.
void queue_product(float* sums, int count, SharedMatrix a, bool a_transposed, SharedMatrix b, bool b_transposed,
                   bool add);
void commit_products(const Location& where);
void wait_products(int newest_left);

enum class AtomicOp { add, max, min, exchange, compare_exchange };
std::uint64_t atomic(AtomicOp op, char kind, void* address, std::uint64_t value, std::uint64_t compare);

template <class T>
std::uint64_t to_bits(T value) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
}
template <class T>
T from_bits(std::uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

template <class T>
T atomic_on(AtomicOp op, T* address, T value, T compare = T{}) {
    constexpr char kind = std::is_floating_point_v<T> ? (sizeof(T) == 4 ? 'f' : 'd')
                          : std::is_signed_v<T>       ? (sizeof(T) == 4 ? 'i' : 'l')
                                                      : (sizeof(T) == 4 ? 'u' : 'U');
    return from_bits<T>(atomic(op, kind, address, to_bits(value), to_bits(compare)));
}

}  // namespace camber::emulator

inline void __syncthreads(const std::source_location& where = std::source_location::current()) {
    camber::emulator::sync_threads(where);
}
inline void __syncwarp(unsigned mask = 0xffffffffu,
                       const std::source_location& where = std::source_location::current()) {
    camber::emulator::warp_operation(camber::emulator::WarpOp::sync, mask, 0, 0, 32, where);
}
inline void __threadfence() {}
inline void __threadfence_block() {}

#define CAMBER_SHUFFLE(name, op)                                                                           \
    template <class T>                                                                                     \
    T name(unsigned mask, T value, int operand, int width = 32,                                            \
           const std::source_location& where = std::source_location::current()) {                          \
        return camber::emulator::from_bits<T>(camber::emulator::warp_operation(                            \
            camber::emulator::WarpOp::op, mask, camber::emulator::to_bits(value), operand, width, where)); \
    }
CAMBER_SHUFFLE(__shfl_sync, shuffle)
CAMBER_SHUFFLE(__shfl_up_sync, shuffle_up)
CAMBER_SHUFFLE(__shfl_down_sync, shuffle_down)
CAMBER_SHUFFLE(__shfl_xor_sync, shuffle_xor)
#undef CAMBER_SHUFFLE

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              const std::source_location& where = std::source_location::current()) {
    return static_cast<unsigned>(
        camber::emulator::warp_operation(camber::emulator::WarpOp::ballot, mask, predicate != 0, 0, 32, where));
}
inline int __any_sync(unsigned mask, int predicate,
                      const std::source_location& where = std::source_location::current()) {
    return __ballot_sync(mask, predicate, where) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      const std::source_location& where = std::source_location::current()) {
    return __ballot_sync(mask, predicate, where) == mask;
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value, const std::source_location& where = std::source_location::current()) {
    return static_cast<unsigned>(camber::emulator::warp_operation(camber::emulator::WarpOp::match_any, mask,
                                                                  camber::emulator::to_bits(value), 0, 32, where));
}

template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
    return camber::emulator::atomic_on(camber::emulator::AtomicOp::add, address, value);
}
template <class T>
T atomicMax(T* address, std::type_identity_t<T> value) {
    return camber::emulator::atomic_on(camber::emulator::AtomicOp::max, address, value);
}
template <class T>
T atomicMin(T* address, std::type_identity_t<T> value) {
    return camber::emulator::atomic_on(camber::emulator::AtomicOp::min, address, value);
}
template <class T>
T atomicExch(T* address, std::type_identity_t<T> value) {
    return camber::emulator::atomic_on(camber::emulator::AtomicOp::exchange, address, value);
}
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> compare, std::type_identity_t<T> value) {
    return camber::emulator::atomic_on(camber::emulator::AtomicOp::compare_exchange, address, value, compare);
}
