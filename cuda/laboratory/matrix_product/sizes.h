#pragma once
#include "cuda/kernels/numeric.h"

/// What all versions are given.
namespace camber::CAMBER_GPU {
namespace {

template <class T>
struct ProductOf {
    const T *a, *b;
    T* c;
    int m, n, k;

    ProductOf(const std::vector<Tensor>& in, const std::vector<Tensor>& out)
        : a(in[0].data<T>()),
          b(in[1].data<T>()),
          c(out[0].data<T>()),
          m(static_cast<int>(in[0].dim(2))),
          n(static_cast<int>(in[1].dim(0))),
          k(static_cast<int>(in[0].dim(3))) {}
    /// Throws Error unless tiles of these extents cover it.
    void require_tiles(int tile_m, int tile_n, int tile_k) const {
        if (m % tile_m != 0 || n % tile_n != 0 || k % tile_k != 0)
            fail("this version takes M, N and K that are multiples of {}, {} and {}", tile_m, tile_n, tile_k);
    }
    LaunchShape grid(int tile_m, int tile_n, unsigned threads) const {
        return {dim3(static_cast<unsigned>(n / tile_n), static_cast<unsigned>(m / tile_m)), threads};
    }
};
using Product = ProductOf<bf16>;
using ProductF32 = ProductOf<float>;

}  // namespace
}  // namespace camber::CAMBER_GPU
