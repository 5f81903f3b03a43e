#pragma once
#include <camber/bf16.h>

#include "cuda/runtime/gpu.h"

/// The warp-wide instructions of tensor cores and asynchronous copies, for kernels on both devices. Fragment layouts:
/// PTX manual, "mma.m16n8k16 with floating point type" and "ldmatrix". On a GPU older than sm_80 copies are made at
/// once, and what multiplies bf16 is compiled to a trap: the runtime refuses bf16 there (requirements.h).
namespace camber::CAMBER_GPU {

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define CAMBER_BEFORE_SM80
#endif

/// Where in shared memory that is, in bytes.
__device__ __forceinline__ unsigned shared_address(const void* p) {
#if defined(CAMBER_EMULATED)
    return emulator::shared_address(p);
#else
    return static_cast<unsigned>(__cvta_generic_to_shared(p));
#endif
}

/// Four 8x8 matrices of bf16 from shared memory: lane 8 * i + j gives the 16-byte aligned address of row j of matrix i;
/// fragment[i] gets elements (lane / 4, lane % 4 * 2) and the next one of matrix i, of its transpose if `transpose`.
template <bool transpose = false>
__device__ __forceinline__ void load_matrix_x4(unsigned (&fragment)[4], const bf16* row) {
#if defined(CAMBER_EMULATED)
    emulator::load_matrix_x4(fragment, row, transpose, std::source_location::current());
#elif defined(CAMBER_BEFORE_SM80)
    __trap();
#else
    const unsigned address = shared_address(row);
    if constexpr (transpose) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                     : "r"(address)
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                     : "r"(address)
                     : "memory");
    }
#endif
}

/// c += a * b for a [16, 16] and b [16, 8] of bf16, c [16, 8] of f32, spread over the warp.
__device__ __forceinline__ void mma_bf16(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if defined(CAMBER_EMULATED)
    emulator::mma_bf16(c, a, b, std::source_location::current());
#elif defined(CAMBER_BEFORE_SM80)
    __trap();
#else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, "
        "%2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

/// Queues a copy of 16 bytes to shared memory, of which the first `valid` (0 or 16) come from `global` and the rest are
/// zero. Both addresses are 16-byte aligned; where nothing is read, `global` need not be a valid address. By way of the
/// L1 cache if `cached`, for bytes that the block's neighbourhood reads again.
template <bool cached = false>
__device__ __forceinline__ void copy_async(void* shared, const void* global, int valid = 16) {
#if defined(CAMBER_EMULATED)
    emulator::copy_async(shared, global, valid);
#elif defined(CAMBER_BEFORE_SM80)
    *static_cast<uint4*>(shared) = valid > 0 ? *static_cast<const uint4*>(global) : make_uint4(0, 0, 0, 0);
#else
    const unsigned address = shared_address(shared);
    if constexpr (cached) {
        asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(valid)
                     : "memory");
    } else {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(valid)
                     : "memory");
    }
#endif
}

/// Closes the group of copies queued since the last one.
__device__ __forceinline__ void commit_copies() {
#if defined(CAMBER_EMULATED)
    emulator::commit_copies();
#elif !defined(CAMBER_BEFORE_SM80)
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits until all of this thread's groups but the newest `left` have arrived. Other threads' need a barrier besides.
template <int left>
__device__ __forceinline__ void wait_copies() {
#if defined(CAMBER_EMULATED)
    emulator::wait_copies(left);
#elif !defined(CAMBER_BEFORE_SM80)
    asm volatile("cp.async.wait_group %0;" ::"n"(left) : "memory");
#endif
}

}  // namespace camber::CAMBER_GPU
