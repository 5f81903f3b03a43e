#pragma once
#include <camber/error.h>
#include <camber/tensor.h>
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "backend/cpu/vec.h"

namespace camber::cpu {

/// Work smaller than this many elements stays on the calling thread: waking the others costs more.
inline constexpr std::int64_t serial_limit = std::int64_t{1} << 14;

/// Calls body(begin, end) on every thread with its contiguous share of [0, n); shares begin at multiples of `step`.
/// `work` is the number of elements touched, to decide whether threads are worth it.
template <class F>
void parallel_ranges(std::int64_t n, std::int64_t step, std::int64_t work, F&& body) {
    if (n <= 0) return;
    if (work < serial_limit || omp_get_max_threads() == 1) return body(std::int64_t{0}, n);
#pragma omp parallel
    {
        const std::int64_t units = (n + step - 1) / step, threads = omp_get_num_threads(), me = omp_get_thread_num();
        const std::int64_t begin = units * me / threads * step;
        const std::int64_t end = std::min(n, units * (me + 1) / threads * step);
        if (begin < end) body(begin, end);
    }
}

/// Calls body(i) for every i in [0, n), each touching about `work_each` elements.
template <class F>
void parallel_for(std::int64_t n, std::int64_t work_each, F&& body) {
    parallel_ranges(n, 1, n * work_each, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) body(i);
    });
}

/// Calls body(i, All or First) for i = 0, 16, 32, ... below n.
template <class F>
CAMBER_VEC void for_vectors(std::int64_t begin, std::int64_t end, F&& body) {
    std::int64_t i = begin;
    for (; i + lanes <= end; i += lanes) body(i, All{});
    if (i < end) body(i, First{static_cast<int>(end - i)});
}

/// The same with groups of four vectors first: body(i, All or First, how many).
template <class F>
CAMBER_VEC void for_groups(std::int64_t begin, std::int64_t end, F&& body) {
    constexpr std::integral_constant<int, 4> four;
    std::int64_t i = begin;
    for (; i + four * lanes <= end; i += four * lanes) body(i, All{}, four);
    for_vectors(i, end, [&](std::int64_t j, auto part) { body(j, part, std::integral_constant<int, 1>{}); });
}

/// for_vectors over [0, n) shared among the threads.
template <class F>
void parallel_vectors(std::int64_t n, F&& body) {
    parallel_ranges(n, 4 * lanes, n, [&](std::int64_t begin, std::int64_t end) { for_vectors(begin, end, body); });
}

struct CachedStore {
    template <class T, class Part>
    CAMBER_VEC void operator()(T* p, Vec v, Part part) const {
        store(p, v, part);
    }
};
struct StreamingStore {
    template <class T>
    CAMBER_VEC void operator()(T* p, Vec v, All) const {
        stream(p, v);
    }
    template <class T>
    CAMBER_VEC void operator()(T* p, Vec v, First part) const {
        store(p, v, part);
    }
};

/// Asks for what is read soon after p: what the processor asks for by itself ends with a page of 4 KiB.
template <class T>
CAMBER_VEC void fetch_ahead(const T* p) {
    __builtin_prefetch(reinterpret_cast<const char*>(p) + 4096);
}

/// Outputs larger than this leave the caches before anyone reads them.
inline constexpr std::size_t streaming_bytes = std::size_t{8} << 20;

/// Calls body(store) with the way to write y: past the caches when y is large and aligned, unless the caller wants it
/// cached: because y is one of the inputs, or because its vectors do not begin at multiples of 16 elements.
template <class F>
void with_store(const Tensor& y, bool cached, F&& body) {
    const bool aligned = reinterpret_cast<std::uintptr_t>(y.raw()) % 64 == 0;
    if (!cached && aligned && y.bytes() >= streaming_bytes) {
        body(StreamingStore{});
    } else {
        body(CachedStore{});
    }
}

/// Calls body(T{}) with T the element type of an activation.
template <class F>
decltype(auto) with_activation(const char* primitive, Dtype dtype, F&& body) {
    if (dtype == Dtype::f32) return body(float{});
    if (dtype == Dtype::bf16) return body(bf16{});
    fail("{}: the cpu device computes in f32 and bf16, not {}{}", primitive, name(dtype),
         dtype == Dtype::f64 ? "; f64 is for the reference device" : "");
}

/// Memory for one call, from the caching allocator: after warm-up it costs a look-up, and between calls it is free for
/// activations.
class Scratch {
  public:
    explicit Scratch(std::size_t bytes)
        : tensor_(Tensor::empty({static_cast<std::int64_t>(bytes)}, Dtype::u8, Device::cpu)) {}
    template <class T>
    T* as(std::size_t byte_offset = 0) const {
        return reinterpret_cast<T*>(static_cast<char*>(tensor_.raw()) + byte_offset);
    }

  private:
    Tensor tensor_;
};

/// a up to the next multiple of b.
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b * b; }

}  // namespace camber::cpu
