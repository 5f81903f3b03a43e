#pragma once
#include <cstddef>

#include "camber/bf16.h"

/// Winograd convolutions, 3x3, stride 1, dilation 1, on NHWC images (Lavin and Gray 2016, "Fast Algorithms for
/// Convolutional Neural Networks"). Activations are f32 or bf16; all arithmetic is f32. No call allocates: the caller
/// passes scratch memory of the size asked for with the same omp_get_max_threads(). Any alignment of any pointer is
/// accepted.
namespace camber::cpu {

/// x [n, h, w, cin], y [n, ho, wo, cout]; outside x reads as zero. y(i, j) sees x(i - pad_top + k * dilation, j -
/// pad_left + l * dilation), k and l being 0 to 2. Paddings are multiples of the dilation.
struct WinogradShape {
    int n, h, w, cin, cout, pad_top, pad_left, ho, wo;
    int tile = 4;  ///< pixels of y a side: 4 or 6
    int dilation = 1;
};

/// Whether Winograd is expected to beat a direct convolution, of at least `least_cout` output channels. Every shape is
/// computed correctly regardless.
bool winograd_profitable(const WinogradShape& shape, int least_cout = 16);
/// The tile to take, whatever shape.tile says.
int winograd_tile(const WinogradShape& shape);

/// Floats of the transformed filter U.
std::size_t winograd_filter_floats(int tile, int cin, int cout);

/// Scratch floats for all threads together.
std::size_t winograd_forward_scratch_floats(const WinogradShape& shape);
std::size_t winograd_filter_grad_scratch_floats(const WinogradShape& shape);

/// w [cout, 3, 3, cin] -> u, winograd_filter_floats(tile, cin, cout) floats in this implementation's own layout.
void winograd_transform_filter(const float* w, int tile, int cin, int cout, float* u);

/// w [cout, 3, 3, cin] -> u of the data gradient, winograd_filter_floats(tile, cout, cin) floats: taps rotated by 180
/// degrees, cin and cout swapped. The data gradient is then winograd_forward(dy, u) with h/w and ho/wo, cin and cout
/// swapped and padding 2 * dilation - pad_top, 2 * dilation - pad_left.
void winograd_transform_filter_backward(const float* w, int tile, int cin, int cout, float* u);

/// w [cout, 3, 3, cin] -> taps, winograd_packed_elements(cin, cout) of them, for winograd_by_columns(). T is float or
/// bf16.
std::size_t winograd_packed_elements(int cin, int cout);
template <class T>
void winograd_pack_filter(const float* w, int cin, int cout, T* taps);

/// What winograd_forward reads and writes. Pitches are the elements from a pixel to the next.
template <class T>
struct WinogradOperands {
    const T* x;
    int x_pitch;
    const float* u;     ///< the transformed filter; of winograd_by_columns() null
    const float* bias;  ///< [cout], or null
    T* y;
    int y_pitch;
    const T* residual = nullptr;  ///< shape of y, or null
    int residual_pitch = 0;
    bool relu = false;
    const T* coarse = nullptr;  ///< [n, h / 2, w / 2, coarse_channels] or null: its pixels, four times each, are the
                                ///< first channels, and x has the others. A multiple of 16; h and w even, padding 1
    int coarse_channels = 0, coarse_pitch = 0;
    T* pooled = nullptr;  ///< [n, ho / 2, wo / 2, cout], the maxima of y's 2x2 windows, or null
};

/// y = conv(x, w) + bias + residual, or ReLU of that. T is float or bf16.
template <class T>
void winograd_forward(const WinogradShape& shape, const WinogradOperands<T>& operands, float* scratch);

/// The same from a filter that is transformed each time, a part at a time where it is used: instead of reading 4 or 7
/// times as much from memory.
template <class T>
void winograd_by_columns(const WinogradShape& shape, const WinogradOperands<T>& operands, const T* taps,
                         float* scratch);
std::size_t winograd_by_columns_scratch_floats(const WinogradShape& shape);

/// dw [cout, 3, 3, cin] = gradient of the filter, overwritten; dbias [cout] = sum of dy, or null. shape.tile is not
/// looked at: its tiles are its own. T is float or bf16.
/// The order of summation depends on the shape only.
template <class T>
void winograd_filter_grad(const WinogradShape& shape, const T* x, const T* dy, float* dw, float* dbias, float* scratch);

}  // namespace camber::cpu
