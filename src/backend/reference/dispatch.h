#pragma once
#include <camber/tensor.h>

#include <type_traits>

/// What every file of the reference backend uses: typed access to tensors.
namespace camber::reference {

/// P: the type of parameters and statistics that go with activations of type A.
template <class A>
using parameter_t = std::conditional_t<std::is_same_v<A, double>, double, float>;

/// Calls f.operator()<A>() with A the C++ type of a floating dtype.
template <class F>
void with_floating(Dtype dtype, F&& f) {
    switch (dtype) {
        case Dtype::f64:
            return f.template operator()<double>();
        case Dtype::f32:
            return f.template operator()<float>();
        case Dtype::bf16:
            return f.template operator()<bf16>();
        case Dtype::i32:
        case Dtype::u8:
            break;
    }
    fail("reference backend: {} is not a floating type", name(dtype));
}

/// As with_floating(), for what is stored as a parameter: f64 or f32.
template <class F>
void with_parameter(Dtype dtype, F&& f) {
    switch (dtype) {
        case Dtype::f64:
            return f.template operator()<double>();
        case Dtype::f32:
            return f.template operator()<float>();
        default:
            fail("reference backend: parameters are f64 or f32, not {}", name(dtype));
    }
}

/// The tensor's elements, null for an absent optional.
template <class T>
T* data_or_null(const Tensor& tensor) {
    return tensor ? tensor.data<T>() : nullptr;
}

/// The extents of an activation tensor [N, H, W, C].
struct Extents {
    std::int64_t n, h, w, c;

    explicit Extents(const Tensor& t) : n(t.dim(0)), h(t.dim(1)), w(t.dim(2)), c(t.dim(3)) {}
    /// Position of the first channel of a pixel.
    std::int64_t at(std::int64_t image, std::int64_t row, std::int64_t column) const {
        return ((image * h + row) * w + column) * c;
    }
    std::int64_t image_size() const { return h * w * c; }
};

/// Whether a loop of so many operations takes longer than waking the other threads.
inline bool worth_threads(std::int64_t operations) { return operations > 200'000; }

/// Product of all extents but the last: pixels of an activation tensor.
inline std::int64_t rows_of(const Tensor& t) { return t.shape().back() == 0 ? 0 : t.numel() / t.shape().back(); }

}  // namespace camber::reference
