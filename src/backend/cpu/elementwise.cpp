#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/parallel.h"

/// Elementwise primitives: every one is bound by memory, so each is a single pass that reads and writes each element
/// once.
namespace camber::cpu {
namespace {

bool same_buffer(const Tensor& a, const Tensor& b) { return a.raw() == b.raw(); }

/// y = f(x).
template <class F>
void map(const char* primitive, const Tensor& x, const Tensor& y, F f) {
    with_activation(primitive, x.dtype(), [&]<class T>(T) {
        const T* from = x.data<T>();
        T* to = y.data<T>();
        with_store(y, same_buffer(x, y), [&](auto write) {
            parallel_vectors(x.numel(),
                             [=](std::int64_t i, auto part) { write(to + i, f(load(from + i, part)), part); });
        });
    });
}

/// y = f(a, b).
template <class F>
void map(const char* primitive, const Tensor& a, const Tensor& b, const Tensor& y, F f) {
    with_activation(primitive, a.dtype(), [&]<class T>(T) {
        const T *first = a.data<T>(), *second = b.data<T>();
        T* to = y.data<T>();
        with_store(y, same_buffer(a, y) || same_buffer(b, y), [&](auto write) {
            parallel_vectors(a.numel(), [=](std::int64_t i, auto part) {
                write(to + i, f(load(first + i, part), load(second + i, part)), part);
            });
        });
    });
}

template <class T>
void fill_with(const Tensor& y, T value) {
    auto* to = static_cast<T*>(y.raw());
    parallel_ranges(y.numel(), 64, y.numel(),
                    [=](std::int64_t begin, std::int64_t end) { std::fill(to + begin, to + end, value); });
}

}  // namespace

void CpuBackend::relu(const Tensor& x, const Tensor& y) {
    // NaN stays NaN: training stops at a non-finite loss instead of hiding it.
    map("relu", x, y, [](Vec v) { return at_least(Vec{}, v); });
}

void CpuBackend::relu_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
    map("relu_backward", y, dy, dx, [](Vec v, Vec g) { return v > 0.f ? g : Vec{}; });
}

void CpuBackend::add(const Tensor& a, const Tensor& b, const Tensor& y) {
    map("add", a, b, y, [](Vec u, Vec v) { return u + v; });
}

void CpuBackend::scale(const Tensor& x, double alpha, const Tensor& y) {
    map("scale", x, y, [a = static_cast<float>(alpha)](Vec v) { return v * a; });
}

void CpuBackend::broadcast(const Tensor& value, const Tensor& y) { fill(y, static_cast<double>(*value.data<float>())); }

void CpuBackend::fill(const Tensor& y, double value) {
    switch (y.dtype()) {
        case Dtype::f64:
            return fill_with(y, value);
        case Dtype::f32:
            return fill_with(y, static_cast<float>(value));
        case Dtype::bf16:
            return fill_with(y, bf16(value).bits);
        case Dtype::i32:
            return fill_with(y, static_cast<std::int32_t>(value));
        case Dtype::u8:
            return fill_with(y, static_cast<std::uint8_t>(value));
    }
}

void CpuBackend::cast(const Tensor& x, const Tensor& y) {
    with_activation("cast", x.dtype(), [&]<class From>(From) {
        with_activation("cast", y.dtype(), [&]<class To>(To) {
            const From* from = x.data<From>();
            To* to = y.data<To>();
            with_store(y, false, [&](auto write) {
                parallel_vectors(x.numel(),
                                 [=](std::int64_t i, auto part) { write(to + i, load(from + i, part), part); });
            });
        });
    });
}

}  // namespace camber::cpu
