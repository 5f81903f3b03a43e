#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {
namespace {

/// y[i] = f(x[i]) in double, over tensors of one dtype.
template <class F>
void map(const Tensor& x, const Tensor& y, F f) {
    with_floating(x.dtype(), [&]<class A>() {
        const A* px = x.data<A>();
        A* py = y.data<A>();
        const std::int64_t count = x.numel();
#pragma omp parallel for if (worth_threads(count))
        for (std::int64_t i = 0; i < count; ++i) py[i] = static_cast<A>(f(static_cast<double>(px[i])));
    });
}

/// y[i] = f(a[i], b[i]) in double, over tensors of one dtype.
template <class F>
void map(const Tensor& a, const Tensor& b, const Tensor& y, F f) {
    with_floating(a.dtype(), [&]<class A>() {
        const A* pa = a.data<A>();
        const A* pb = b.data<A>();
        A* py = y.data<A>();
        const std::int64_t count = a.numel();
#pragma omp parallel for if (worth_threads(count))
        for (std::int64_t i = 0; i < count; ++i)
            py[i] = static_cast<A>(f(static_cast<double>(pa[i]), static_cast<double>(pb[i])));
    });
}

template <class T>
void fill_with(const Tensor& y, T value) {
    T* py = y.data<T>();
    for (std::int64_t i = 0; i < y.numel(); ++i) py[i] = value;
}

}  // namespace

void ReferenceBackend::relu(const Tensor& x, const Tensor& y) {
    // Written so that NaN stays NaN: training stops at a non-finite loss instead of hiding it.
    map(x, y, [](double v) { return v <= 0 ? 0.0 : v; });
}

void ReferenceBackend::relu_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
    map(y, dy, dx, [](double value, double gradient) { return value > 0 ? gradient : 0.0; });
}

void ReferenceBackend::add(const Tensor& a, const Tensor& b, const Tensor& y) {
    map(a, b, y, [](double u, double v) { return u + v; });
}

void ReferenceBackend::scale(const Tensor& x, double alpha, const Tensor& y) {
    map(x, y, [alpha](double v) { return alpha * v; });
}

void ReferenceBackend::fill(const Tensor& y, double value) {
    switch (y.dtype()) {
        case Dtype::i32:
            return fill_with(y, static_cast<std::int32_t>(value));
        case Dtype::u8:
            return fill_with(y, static_cast<std::uint8_t>(value));
        default:
            with_floating(y.dtype(), [&]<class A>() { fill_with(y, static_cast<A>(value)); });
    }
}

void ReferenceBackend::broadcast(const Tensor& value, const Tensor& y) {
    with_floating(y.dtype(), [&]<class A>() { fill_with(y, static_cast<A>(*value.data<parameter_t<A>>())); });
}

void ReferenceBackend::cast(const Tensor& x, const Tensor& y) {
    with_floating(x.dtype(), [&]<class From>() {
        with_floating(y.dtype(), [&]<class To>() {
            const From* px = x.data<From>();
            To* py = y.data<To>();
            for (std::int64_t i = 0; i < x.numel(); ++i) py[i] = static_cast<To>(px[i]);
        });
    });
}

}  // namespace camber::reference
