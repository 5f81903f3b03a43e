#include <cstdint>

#include "backend/cpu/winograd/gemm.h"
#include "backend/cpu/winograd/plan.h"

/// U = G w G^T for each pair of channels, [point][columns / 32][row][32]: rows are the channels summed over, columns
/// those of the result, as many together as the product kernels take (the last may be fewer), padded with zeros to a
/// multiple of sixteen.
namespace camber::cpu {
namespace winograd {
namespace {

/// Where row `row`, columns 16 * block .. + 15 of a point's matrix begin.
std::size_t offset(int block, int row, int rows, int blocks) {
    const int first = block / max_columns * max_columns;
    const int together = std::min(max_columns, blocks - first);
    return (static_cast<std::size_t>(first) * rows + static_cast<std::size_t>(row) * together + block - first) * lanes;
}

/// `rows` x `columns` channels of w [cout, 9, cin] to taps [cin][tap][cout].
void transpose(const float* w, int cin, int rows, int columns, float (*taps)[9][lanes]) {
    for (int o = 0; o < columns; ++o)
        for (int tap = 0; tap < 9; ++tap)
            for (int i = 0; i < rows; ++i) taps[i][tap][o] = w[(static_cast<std::size_t>(o) * 9 + tap) * cin + i];
}

/// rows cin, columns cout. w has cin fastest, so blocks of 16 x 16 channels are transposed on the way.
template <int M>
void transform(const float* w, int cin, int cout, float* u) {
    const std::size_t stride = static_cast<std::size_t>(blocks_of(cout)) * lanes * cin;
    const bool streamed = should_stream(u, Tile<M>::Q * stride * sizeof(float));
#pragma omp parallel
    {
#pragma omp for collapse(2) schedule(static) nowait
        for (int b = 0; b < blocks_of(cout); ++b) {
            for (int i0 = 0; i0 < blocks_of(cin); ++i0) {
                const int o0 = b * lanes, columns = std::min(lanes, cout - o0);
                const int rows = std::min(lanes, cin - i0 * lanes);
                alignas(64) float taps[lanes][9][lanes] = {};
                transpose(w + static_cast<std::size_t>(o0) * 9 * cin + i0 * lanes, cin, rows, columns, taps);
                for (int i = 0; i < rows; ++i) {
                    Vec g[3][3];
                    for (int tap = 0; tap < 9; ++tap) g[tap / 3][tap % 3] = load(taps[i][tap]);
                    filter_block<M>(g, u + offset(b, i0 * lanes + i, cin, blocks_of(cout)), stride, streamed);
                }
            }
        }
        stream_fence();
    }
}

/// rows cout, columns cin, taps reversed.
template <int M>
void transform_backward(const float* w, int cin, int cout, float* u) {
    const std::size_t stride = static_cast<std::size_t>(blocks_of(cin)) * lanes * cout;
    const bool streamed = should_stream(u, Tile<M>::Q * stride * sizeof(float));
#pragma omp parallel
    {
#pragma omp for collapse(2) schedule(static) nowait
        for (int b = 0; b < blocks_of(cin); ++b) {
            for (int o = 0; o < cout; ++o) {
                const int count = cin - b * lanes;
                Vec g[3][3];
                for (int tap = 0; tap < 9; ++tap) {
                    const float* from = w + (static_cast<std::size_t>(o) * 9 + 8 - tap) * cin + b * lanes;
                    g[tap / 3][tap % 3] = count >= lanes ? load(from) : load_tail(from, count);
                }
                filter_block<M>(g, u + offset(b, o, cout, blocks_of(cin)), stride, streamed);
            }
        }
        stream_fence();
    }
}

/// taps: [columns / 32][row][tap][32].
template <class T>
void pack(const float* w, int cin, int cout, T* to) {
    const int blocks = blocks_of(cout);
#pragma omp parallel for collapse(2) schedule(static)
    for (int b = 0; b < blocks; ++b) {
        for (int i0 = 0; i0 < cin; i0 += lanes) {
            const int o0 = b * lanes, columns = std::min(lanes, cout - o0), rows = std::min(lanes, cin - i0);
            const int together = std::min(max_columns, blocks - b / max_columns * max_columns);
            alignas(64) float taps[lanes][9][lanes] = {};
            transpose(w + static_cast<std::size_t>(o0) * 9 * cin + i0, cin, rows, columns, taps);
            for (int i = 0; i < rows; ++i)
                for (int tap = 0; tap < 9; ++tap)
                    store(to + 9 * offset(b, i0 + i, cin, blocks) - (b % max_columns) * 8 * lanes +
                              static_cast<std::size_t>(tap) * together * lanes,
                          load(taps[i][tap]));
        }
    }
}

}  // namespace
}  // namespace winograd

std::size_t winograd_filter_floats(int tile, int cin, int cout) {
    return static_cast<std::size_t>((tile + 2) * (tile + 2)) * winograd::blocks_of(cout) * lanes * cin;
}

void winograd_transform_filter(const float* w, int tile, int cin, int cout, float* u) {
    if (tile == 6)
        winograd::transform<6>(w, cin, cout, u);
    else
        winograd::transform<4>(w, cin, cout, u);
}

void winograd_transform_filter_backward(const float* w, int tile, int cin, int cout, float* u) {
    if (tile == 6)
        winograd::transform_backward<6>(w, cin, cout, u);
    else
        winograd::transform_backward<4>(w, cin, cout, u);
}

std::size_t winograd_packed_elements(int cin, int cout) {
    return static_cast<std::size_t>(9 * cin) * winograd::blocks_of(cout) * lanes;
}

template <class T>
void winograd_pack_filter(const float* w, int cin, int cout, T* taps) {
    winograd::pack(w, cin, cout, taps);
}

template void winograd_pack_filter(const float*, int, int, float*);
template void winograd_pack_filter(const float*, int, int, bf16*);

}  // namespace camber::cpu
