#pragma once
#include "backend/cpu/parallel.h"

namespace camber::cpu {

/// Lanes where v replaces the maximum so far. The first of equals stays; NaN counts as larger than any number, so that
/// it is not lost.
CAMBER_VEC IntVec exceeds(Vec v, Vec maximum) { return ~(v <= maximum) & (maximum == maximum); }

/// The extents of an activation [N, H, W, C].
struct Extents {
    std::int64_t n, h, w, c;

    explicit Extents(const Tensor& t) : n(t.dim(0)), h(t.dim(1)), w(t.dim(2)), c(t.dim(3)) {}
    /// Position of the first channel of a pixel.
    std::int64_t at(std::int64_t image, std::int64_t row, std::int64_t column) const {
        return ((image * h + row) * w + column) * c;
    }
    std::int64_t rows() const { return n * h; }
    std::int64_t row_size() const { return w * c; }
    /// Whether every pixel begins at a multiple of the vector.
    bool whole_vectors() const { return c % lanes == 0; }
};

/// Makes dx row by row: gather(image, row, sums) adds to sums [W, C], which begins as zeros, what flows into one row. A
/// row belongs to one thread, so sums are f32 in a fixed order without atomics.
template <class T, class F>
void gather_rows(const Tensor& dx, F&& gather) {
    const Extents in(dx);
    T* to = dx.data<T>();
    const std::int64_t size = in.row_size();
    const Scratch scratch(static_cast<std::size_t>(omp_get_max_threads() * round_up(size, lanes)) * sizeof(float));
    parallel_ranges(in.rows(), 1, dx.numel(), [&](std::int64_t begin, std::int64_t end) {
        float* sums = scratch.as<float>() + omp_get_thread_num() * round_up(size, lanes);
        for (std::int64_t row = begin; row < end; ++row) {
            std::fill_n(sums, size, 0.f);
            gather(row / in.h, row % in.h, sums);
            for_vectors(0, size,
                        [&](std::int64_t i, auto part) { store(to + row * size + i, load(sums + i, part), part); });
        }
    });
}

}  // namespace camber::cpu
