#pragma once
#include <cstddef>

#include "camber/bf16.h"

/// Winograd convolutions, 3x3, stride 1, dilation 1, on NHWC images (Lavin and Gray 2016, "Fast Algorithms for
/// Convolutional Neural Networks"). Activations are f32 or bf16; all arithmetic is f32. No call allocates: the caller
/// passes scratch memory of the size asked for with the same omp_get_max_threads(). Any alignment of any pointer is
/// accepted.
namespace camber::cpu {

/// x [n, h, w, cin], y [n, ho, wo, cout]; outside x reads as zero. y(i, j) sees x(i - pad_top .. i - pad_top + 2, ...).
struct WinogradShape {
    int n, h, w, cin, cout, pad_top, pad_left, ho, wo;
};

/// Whether Winograd is expected to beat a direct convolution. Every shape is computed correctly regardless.
bool winograd_profitable(const WinogradShape& shape);

/// Floats of the transformed filter U.
std::size_t winograd_filter_floats(int cin, int cout);

/// Scratch floats for all threads together.
std::size_t winograd_forward_scratch_floats(const WinogradShape& shape);
std::size_t winograd_filter_grad_scratch_floats(const WinogradShape& shape);

/// w [cout, 3, 3, cin] -> u, winograd_filter_floats(cin, cout) floats in this implementation's own layout.
void winograd_transform_filter(const float* w, int cin, int cout, float* u);

/// w [cout, 3, 3, cin] -> u of the data gradient, winograd_filter_floats(cout, cin) floats: taps rotated by 180
/// degrees, cin and cout swapped. The data gradient is then winograd_forward(dy, u) with h/w and ho/wo, cin and cout
/// swapped and padding 2 - pad_top, 2 - pad_left.
void winograd_transform_filter_backward(const float* w, int cin, int cout, float* u);

/// y = conv(x, w) + bias; bias [cout] or null. T is float or bf16.
template <class T>
void winograd_forward(const WinogradShape& shape, const T* x, const float* u, const float* bias, T* y, float* scratch);

/// dw [cout, 3, 3, cin] = gradient of the filter, overwritten; dbias [cout] = sum of dy, or null. T is float or bf16.
/// The order of summation depends on the shape and on omp_get_max_threads() only: results are reproducible.
template <class T>
void winograd_filter_grad(const WinogradShape& shape, const T* x, const T* dy, float* dw, float* dbias, float* scratch);

}  // namespace camber::cpu
