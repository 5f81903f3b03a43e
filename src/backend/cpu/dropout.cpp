#include <cmath>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/parallel.h"
#include "core/batch_share.h"

namespace camber::cpu {
namespace {

constexpr int counters = 8;  // blocks of four numbers computed at once
using WideVec = std::uint64_t __attribute__((vector_size(64)));

/// The product of the lower halves of each 64-bit lane.
CAMBER_VEC WideVec multiply(WideVec a, std::uint32_t b) {
#if defined(__AVX512F__)
    return (WideVec)_mm512_maskz_mul_epu32(0xff, (__m512i)a, _mm512_set1_epi64(b));
#else
    return (a & 0xffffffffu) * b;
#endif
}

/// PhiloxKey::block for blocks index .. index + 7, all 32 numbers in order. Each 64-bit lane is one block; only the
/// lower half of a lane counts, what the rounds leave above it is never read.
CAMBER_VEC void philox_blocks(const PhiloxKey& key, std::uint64_t index, WordVec& first, WordVec& second) {
    const WideVec block = WideVec{0, 1, 2, 3, 4, 5, 6, 7} + index;
    WideVec c0 = block, c1 = (block >> 32) ^ (static_cast<std::uint64_t>(key.stream) << 16);
    WideVec c2 = WideVec{} + (key.sequence & 0xffffffffu), c3 = WideVec{} + (key.sequence >> 32);
    auto k0 = static_cast<std::uint32_t>(key.seed), k1 = static_cast<std::uint32_t>(key.seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const WideVec p0 = multiply(c0, 0xD2511F53u), p1 = multiply(c2, 0xCD9E8D57u);
        c0 = (p1 >> 32) ^ c1 ^ k0;
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ k1;
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const WideVec low = (c0 & 0xffffffffu) | (c1 << 32), high = (c2 & 0xffffffffu) | (c3 << 32);
    first = (WordVec)__builtin_shufflevector(low, high, 0, 8, 1, 9, 2, 10, 3, 11);
    second = (WordVec)__builtin_shufflevector(low, high, 4, 12, 5, 13, 6, 14, 7, 15);
}

/// Where element 0 is number `first` of the stream and begins none of its blocks: a share of a batch with odd extents.
template <class T>
void drop_at_any(const T* from, T* to, std::int64_t count, std::int64_t first, const PhiloxKey& stream,
                 std::uint32_t limit, float keep) {
    parallel_for((first % 4 + count + 3) / 4, 16, [&](std::int64_t block) {
        const auto random = stream.block(static_cast<std::uint64_t>(first / 4 + block));
        const std::int64_t begin = block * 4 - first % 4;
        for (std::int64_t i = std::max<std::int64_t>(0, begin); i < std::min(count, begin + 4); ++i) {
            const bool kept = random[static_cast<std::size_t>(i - begin)] >= limit;
            to[i] = static_cast<T>(kept ? static_cast<float>(from[i]) * keep : 0.f);
        }
    });
}

}  // namespace

void CpuBackend::dropout(const Tensor& x, const Tensor& y, double rate, const PhiloxKey& key, const Tensor& step) {
    const auto threshold = static_cast<std::uint64_t>(std::llround(rate * 0x1p32));
    if (threshold > 0xffffffffu) return fill(y, 0);
    const auto limit = static_cast<std::uint32_t>(threshold);
    const PhiloxKey stream = step ? key.at_step(static_cast<std::uint64_t>(*step.data<std::int32_t>())) : key;
    const auto keep = static_cast<float>(1 / (1 - rate));
    const std::int64_t first = first_element_of_share(x.dim(0), x.numel());
    with_activation("dropout", x.dtype(), [&]<class T>(T) {
        const T* from = x.data<T>();
        T* to = y.data<T>();
        if (first % 4 != 0) return drop_at_any(from, to, x.numel(), first, stream, limit, keep);
        with_store(y, x.raw() == y.raw(), [&](auto write) {
            constexpr std::int64_t group = 4 * counters;
            parallel_ranges(x.numel(), group, 4 * x.numel(), [&](std::int64_t begin, std::int64_t end) {
                for (std::int64_t i = begin; i < end; i += group) {
                    WordVec random[2];
                    philox_blocks(stream, static_cast<std::uint64_t>((first + i) / 4), random[0], random[1]);
                    int half = 0;
                    for_vectors(i, std::min(end, i + group), [&](std::int64_t j, auto part) {
                        const Vec kept = load(from + j, part) * keep;
                        write(to + j, random[half++] >= limit ? kept : Vec{}, part);
                    });
                }
            });
        });
    });
}

}  // namespace camber::cpu
