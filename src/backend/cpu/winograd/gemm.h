#pragma once
#include <algorithm>
#include <cstddef>

#include "backend/cpu/winograd/vec.h"

/// The small matrix products between the transforms. All matrices are blocked by 16 columns, [column / 16][row][16]: a
/// transform that handles one tile and sixteen channels stores whole cache lines, every access of a product runs
/// through consecutive lines, and there are no power-of-two strides to thrash the first-level cache.
namespace camber::cpu::winograd {

#if defined(__AVX512F__)
constexpr int max_rows = 8, max_columns = 2;
#else
constexpr int max_rows = 6, max_columns = 1;  // a Vec is two AVX registers of 16, or four SSE registers
#endif

/// c[v][m] (+)= sum_k a(m, k) b(k, v), with rows m and blocks of sixteen columns v.
/// Forward (transposed = false): a(m, k) = a[k / 16 * a_block + m * 16 + k % 16], a row of `a` holds sixteen k; and
/// the rows of b follow each other, b(k, v) = b[(k * columns + v) * 16], so that U is read from one end to the other.
/// Filter gradient (true): a(m, k) = a[k * 16 + m], a row of `a` holds sixteen m; b(k, v) = b[v * b_block + k * 16].
struct Product {
    const float* a;
    std::size_t a_block;
    const float* b;
    std::size_t b_block;
    float* c;
    std::size_t c_block;
    int depth;  ///< number of k
    bool accumulate;
    const float* prefetch;  ///< what to ask for meanwhile, and how many lines of it for every sixteen k
    int prefetch_lines;
};

template <int rows, int columns, bool transposed>
void product_kernel(const Product& g) {
    Vec acc[rows][columns], total[rows][columns];
#pragma GCC unroll 16
    for (int m = 0; m < rows; ++m)
#pragma GCC unroll 4
        for (int v = 0; v < columns; ++v) acc[m][v] = total[m][v] = Vec{};
    const float* a = g.a;
    const float* b = g.b;
    const std::size_t b_block = transposed ? g.b_block : lanes;
    const auto step = [&](const float* ak) __attribute__((always_inline)) {
        Vec bv[columns];
#pragma GCC unroll 4
        for (int v = 0; v < columns; ++v) bv[v] = load(b + v * b_block);
        b += transposed ? lanes : lanes * columns;
#pragma GCC unroll 16
        for (int m = 0; m < rows; ++m) {
            const Vec am = splat(ak[transposed ? m : m * lanes]);
#pragma GCC unroll 4
            for (int v = 0; v < columns; ++v) acc[m][v] = fma(am, bv[v], acc[m][v]);
        }
    };
    // Forward: sums of 32, added up, for fewer lost bits (blocked summation). The filter gradient has a plain sum a
    // chunk.
    const auto fold = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 16
        for (int m = 0; m < rows; ++m)
#pragma GCC unroll 4
            for (int v = 0; v < columns; ++v) {
                total[m][v] += acc[m][v];
                acc[m][v] = Vec{};
            }
    };
    const float* next = g.prefetch;
    int k = g.depth;
    if constexpr (transposed) {
        // The sums lie in a far cache.
#pragma GCC unroll 4
        for (int v = 0; v < columns; ++v)
#pragma GCC unroll 16
            for (int m = 0; m < rows; ++m) __builtin_prefetch(g.c + v * g.c_block + m * lanes, 1);
        for (; k >= lanes; k -= lanes) {
            for (int i = 0; i < g.prefetch_lines; ++i, next += lanes) __builtin_prefetch(next, 0, 2);
#pragma GCC unroll 4
            for (int i = 0; i < lanes; ++i, a += lanes) step(a);
        }
        for (int i = 0; i < k; ++i, a += lanes) step(a);
    } else {
        for (bool odd = false; k >= lanes; k -= lanes, a += g.a_block, odd = !odd) {
            for (int i = 0; i < g.prefetch_lines; ++i, next += lanes) __builtin_prefetch(next, 0, 2);
#pragma GCC unroll 16
            for (int i = 0; i < lanes; ++i) step(a + i);
            if (odd) fold();
        }
        for (int i = 0; i < k; ++i) step(a + i);
    }
#pragma GCC unroll 16
    for (int m = 0; m < rows; ++m)
#pragma GCC unroll 4
        for (int v = 0; v < columns; ++v) {
            float* c = g.c + v * g.c_block + m * lanes;
            if constexpr (!transposed) acc[m][v] += total[m][v];
            store(c, g.accumulate ? acc[m][v] + load(c) : acc[m][v]);
        }
}

using ProductKernel = void (*)(const Product&);

/// The kernel for rows 1..max_rows and columns 1..max_columns.
ProductKernel product_kernel_for(int rows, int columns, bool transposed);

}  // namespace camber::cpu::winograd
