#pragma once
#include <camber/bf16.h>

#include <cstdint>

#include "cuda/kernels/matrix.h"

/// Products of whole warpgroups (four consecutive warps, the first one's number a multiple of four): the tensor cores
/// of sm_90a read both operands from shared memory, and work while the warps go on. PTX manual, "Asynchronous
/// Warpgroup Level Matrix Multiply-Accumulate Instructions". A kernel that calls these is compiled to a trap for other
/// architectures; has_warpgroup_products() says whether it can be launched.
namespace camber::CAMBER_GPU {

#if defined(CAMBER_EMULATED)
using emulator::SharedMatrix;
#else
/// An operand of bf16 in shared memory, `rows` of 128 bytes, 1024-byte aligned, of which chunk c of row r (16 bytes
/// each) lies at chunk c ^ r % 8. Either a row is a line of 64 in k, for eight lines of m or n every 1024 bytes; or
/// (transposed) it is 64 in m or n, for eight lines of k every 1024 bytes, and the next 64 in m or n are `block` bytes
/// further.
struct SharedMatrix {
    std::uint64_t descriptor;
};
#endif

/// The operand that begins at `start`, in which an instruction's first element lies: 16-byte aligned, in a first line.
__device__ __forceinline__ SharedMatrix shared_matrix(const bf16* start, int block) {
#if defined(CAMBER_EMULATED)
    return {start, block};
#else
    const auto encoded = [](unsigned bytes) { return static_cast<std::uint64_t>((bytes & 0x3ffff) >> 4); };
    constexpr std::uint64_t swizzle_128 = std::uint64_t{1} << 62;
    return {encoded(shared_address(start)) | encoded(static_cast<unsigned>(block)) << 16 | encoded(1024) << 32 |
            swizzle_128};
#endif
}

/// What this thread wrote to shared memory, or has waited for of its asynchronous copies, is seen by the tensor cores
/// after the next barrier.
__device__ __forceinline__ void show_to_tensor_cores() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

/// Before products whose sums a thread has touched, and before the first.
__device__ __forceinline__ void begin_products() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

#define CAMBER_SUMS_8(i)                                                                                          \
    "+f"(sums[i]), "+f"(sums[i + 1]), "+f"(sums[i + 2]), "+f"(sums[i + 3]), "+f"(sums[i + 4]), "+f"(sums[i + 5]), \
        "+f"(sums[i + 6]), "+f"(sums[i + 7])
#define CAMBER_SUMS_32(i) CAMBER_SUMS_8(i), CAMBER_SUMS_8(i + 8), CAMBER_SUMS_8(i + 16), CAMBER_SUMS_8(i + 24)

/// Queues sums = a * b, or sums += a * b if `add`, for a [64, 16] and b [16, 2 * count] of bf16 and sums of f32 spread
/// over the warpgroup: warp w of it has rows 16 w to 16 w + 15, laid out as those of mma_bf16, eight columns after
/// eight columns. The sums are not to be touched before wait_products().
template <bool a_transposed, bool b_transposed, int count>
__device__ __forceinline__ void queue_product(float (&sums)[count], SharedMatrix a, SharedMatrix b, bool add) {
    static_assert(count == 32 || count == 64);
#if defined(CAMBER_EMULATED)
    emulator::queue_product(sums, count, a, a_transposed, b, b_transposed, add);
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
    if constexpr (count == 32) {
        asm volatile(
            "{.reg .pred p; setp.ne.b32 p, %36, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, "
            "%12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
            "%32, %33, p, 1, 1, %34, %35;}"
            : CAMBER_SUMS_32(0)
            : "l"(a.descriptor), "l"(b.descriptor), "n"(a_transposed), "n"(b_transposed), "r"(static_cast<int>(add)));
    } else {
        asm volatile(
            "{.reg .pred p; setp.ne.b32 p, %68, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, "
            "%12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, "
            "%33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, "
            "%54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, %64, %65, p, 1, 1, %66, %67;}"
            : CAMBER_SUMS_32(0), CAMBER_SUMS_32(32)
            : "l"(a.descriptor), "l"(b.descriptor), "n"(a_transposed), "n"(b_transposed), "r"(static_cast<int>(add)));
    }
#else
    __trap();
#endif
}

#undef CAMBER_SUMS_32
#undef CAMBER_SUMS_8

/// Closes the group of products queued since the last one.
__device__ __forceinline__ void commit_products() {
#if defined(CAMBER_EMULATED)
    emulator::commit_products(std::source_location::current());
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

/// Waits until all of this warpgroup's groups but the newest `left` have been added to their sums.
template <int left>
__device__ __forceinline__ void wait_products() {
#if defined(CAMBER_EMULATED)
    emulator::wait_products(left);
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(left) : "memory");
#endif
}

}  // namespace camber::CAMBER_GPU
