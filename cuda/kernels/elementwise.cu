/// ReLU, sums, scaling, filling and casts.
///
/// Layout: flat; every tensor is contiguous. Bytes: each input read once, each output written once (ReLU on bf16:
/// 4 bytes an element); one or two operations an element, so all of it is bound by memory. Strategy: 16-byte accesses,
/// four independent vectors a thread in flight, a grid no larger than the device holds at once, the last few elements
/// by the last block's threads one at a time. Outputs may be an input's own buffer: every thread reads what it
/// overwrites first.
#include <camber/error.h>

#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/numeric.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;
constexpr int vectors = 4;  ///< in flight a thread

struct Relu {
    __device__ __forceinline__ float operator()(float x, float) const { return x <= 0 ? 0.0f : x; }  // NaN stays
};
struct ReluBackward {
    __device__ __forceinline__ float operator()(float y, float dy) const { return y > 0 ? dy : 0.0f; }
};
struct Add {
    __device__ __forceinline__ float operator()(float a, float b) const { return a + b; }
};
struct Scale {
    float alpha;
    __device__ __forceinline__ float operator()(float x, float) const { return alpha * x; }
};

/// y[i] = f(a[i], b[i]); b is null for functions of one value.
template <class F, class In, class Out, bool binary>
__global__ void __launch_bounds__(threads)
    elementwise_kernel(const In* a, const In* b, Out* y, std::int64_t count, F f) {
    constexpr int width = vector_width<In> < vector_width<Out> ? vector_width<In> : vector_width<Out>;
    const std::int64_t whole = count / width;
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * threads;
    const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
    for (std::int64_t i = first; i < whole; i += step * vectors) {
        Vec<In, width> u[vectors], v[vectors];
#pragma unroll
        for (int k = 0; k < vectors; ++k) {
            const std::int64_t at = i + k * step;
            if (at < whole) {
                u[k] = load<width>(a + at * width);
                if constexpr (binary) v[k] = load<width>(b + at * width);
            }
        }
#pragma unroll
        for (int k = 0; k < vectors; ++k) {
            const std::int64_t at = i + k * step;
            if (at >= whole) break;
            Vec<Out, width> r;
#pragma unroll
            for (int j = 0; j < width; ++j)
                r[j] = from_float<Out>(f(to_float(u[k][j]), binary ? to_float(v[k][j]) : 0.0f));
            store<width>(y + at * width, r);
        }
    }
    const std::int64_t rest = whole * width + first;
    if (rest < count) y[rest] = from_float<Out>(f(to_float(a[rest]), binary ? to_float(b[rest]) : 0.0f));
}

/// The same, an element at a time, for tensors that do not start at a multiple of 16 bytes.
template <class F, class In, class Out, bool binary>
__global__ void __launch_bounds__(threads)
    elementwise_unaligned_kernel(const In* a, const In* b, Out* y, std::int64_t count, F f) {
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * threads;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x; i < count; i += step)
        y[i] = from_float<Out>(f(to_float(a[i]), binary ? to_float(b[i]) : 0.0f));
}

template <class In, class Out, bool binary, class F>
void apply(const char* name, const Tensor& a, const Tensor& b, const Tensor& y, F f) {
    const std::int64_t count = y.numel();
    if (count == 0) return;
    const bool aligned = aligned_to(a, 16) && aligned_to(b, 16) && aligned_to(y, 16);
    const auto kernel =
        aligned ? elementwise_kernel<F, In, Out, binary> : elementwise_unaligned_kernel<F, In, Out, binary>;
    const unsigned blocks =
        blocks_for(count, threads * vectors * (aligned ? vector_width<In> : 1), resident_blocks(kernel, threads));
    launch(name, kernel, {blocks, threads}, a.data<In>(), pointer<In>(b), y.data<Out>(), count, f);
}

template <class T>
__global__ void __launch_bounds__(threads) fill_kernel(T* y, std::int64_t count, T value) {
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * threads;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x; i < count; i += step)
        y[i] = value;
}

template <class T>
__global__ void __launch_bounds__(threads) broadcast_kernel(const float* value, T* y, std::int64_t count) {
    const T rounded = from_float<T>(*value);
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * threads;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x; i < count; i += step)
        y[i] = rounded;
}

template <class T>
void fill_with(const Tensor& y, T value) {
    launch("fill", fill_kernel<T>, {blocks_for(y.numel(), threads, resident_blocks(fill_kernel<T>, threads)), threads},
           y.data<T>(), y.numel(), value);
}

}  // namespace

void GpuBackend::relu(const Tensor& x, const Tensor& y) {
    dispatch(x, [&](auto t) { apply<decltype(t), decltype(t), false>("relu", x, {}, y, Relu{}); });
}

void GpuBackend::relu_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
    dispatch(y, [&](auto t) { apply<decltype(t), decltype(t), true>("relu_backward", y, dy, dx, ReluBackward{}); });
}

void GpuBackend::add(const Tensor& a, const Tensor& b, const Tensor& y) {
    dispatch(a, [&](auto t) { apply<decltype(t), decltype(t), true>("add", a, b, y, Add{}); });
}

void GpuBackend::scale(const Tensor& x, double alpha, const Tensor& y) {
    dispatch(x, [&](auto t) {
        apply<decltype(t), decltype(t), false>("scale", x, {}, y, Scale{static_cast<float>(alpha)});
    });
}

void GpuBackend::cast(const Tensor& x, const Tensor& y) {
    const Scale same = {1.0f};
    if (x.dtype() == y.dtype()) {
        device_memory(this_device).copy_within(y.raw(), x.raw(), x.bytes());
    } else if (x.dtype() == Dtype::f32 && y.dtype() == Dtype::bf16) {
        apply<float, bf16, false>("cast", x, {}, y, same);
    } else if (x.dtype() == Dtype::bf16 && y.dtype() == Dtype::f32) {
        apply<bf16, float, false>("cast", x, {}, y, same);
    } else {
        fail("the {} device does not cast {} to {}", name(this_device), name(x.dtype()), name(y.dtype()));
    }
}

void GpuBackend::broadcast(const Tensor& value, const Tensor& y) {
    if (y.numel() == 0) return;
    dispatch(y, [&]<class T>(T) {
        const unsigned blocks = blocks_for(y.numel(), threads, resident_blocks(broadcast_kernel<T>, threads));
        launch("broadcast", broadcast_kernel<T>, {blocks, threads}, value.data<float>(), y.data<T>(), y.numel());
    });
}

void GpuBackend::fill(const Tensor& y, double value) {
    if (y.numel() == 0) return;
    if (value == 0 && !std::signbit(value)) return device_memory(this_device).zero(y.raw(), y.bytes());
    switch (y.dtype()) {
        case Dtype::f64:
            return fill_with(y, value);
        case Dtype::f32:
            return fill_with(y, static_cast<float>(value));
        case Dtype::bf16:
            return fill_with(y, bf16(value));
        case Dtype::i32:
            return fill_with(y, static_cast<std::int32_t>(value));
        case Dtype::u8:
            return fill_with(y, static_cast<std::uint8_t>(value));
    }
}

}  // namespace camber::CAMBER_GPU
