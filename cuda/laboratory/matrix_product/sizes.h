#pragma once
#include "cuda/kernels/numeric.h"

/// What all versions are given.
namespace camber::CAMBER_GPU {
namespace {

struct Product {
    const bf16 *a, *b;
    bf16* c;
    int m, n, k;

    Product(const std::vector<Tensor>& in, const std::vector<Tensor>& out)
        : a(in[0].data<bf16>()),
          b(in[1].data<bf16>()),
          c(out[0].data<bf16>()),
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

}  // namespace
}  // namespace camber::CAMBER_GPU
