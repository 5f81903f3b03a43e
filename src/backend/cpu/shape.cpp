#include "backend/cpu/columns.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/image.h"

/// Copies, which do not care what the elements are.
namespace camber::cpu {
namespace {

/// Copies bytes with whole vectors, past the caches where `streaming` (then `to` and `bytes` are multiples of 64).
CAMBER_VEC void copy_bytes(char* to, const char* from, std::size_t bytes, bool streaming) {
    std::size_t i = 0;
    for (; i + 64 <= bytes; i += 64) {
        Vec v;
        std::memcpy(&v, from + i, 64);
        if (streaming) {
            stream(reinterpret_cast<float*>(to + i), v);
        } else {
            std::memcpy(to + i, &v, 64);
        }
    }
    if (i < bytes) std::memcpy(to + i, from + i, bytes - i);
}

bool streamable(const Tensor& y, std::size_t offset, std::size_t pitch, std::size_t bytes) {
    return y.bytes() >= streaming_bytes && (reinterpret_cast<std::uintptr_t>(y.raw()) + offset) % 64 == 0 &&
           pitch % 64 == 0 && bytes % 64 == 0;
}

/// Where the channels of a copy begin in its tensors, bytes between pixels, and bytes of them.
struct ChannelBytes {
    const char* from;
    char* to;
    std::size_t from_pitch, to_pitch, bytes;
    bool streaming;

    ChannelBytes(const Tensor& x, std::int64_t x_begin, const Tensor& y, std::int64_t y_begin, std::int64_t count) {
        const std::size_t element = size_of(x.dtype()), offset = static_cast<std::size_t>(y_begin) * element;
        bytes = static_cast<std::size_t>(count) * element;
        from_pitch = static_cast<std::size_t>(x.shape().back()) * element;
        to_pitch = static_cast<std::size_t>(y.shape().back()) * element;
        from = static_cast<const char*>(x.raw()) + static_cast<std::size_t>(x_begin) * element;
        to = static_cast<char*>(y.raw()) + offset;
        streaming = streamable(y, offset, to_pitch, bytes);
    }
    /// Copies pixels [begin, end).
    void copy(std::int64_t begin, std::int64_t end) const {
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            // Reading all of the row, gaps included, is faster than reading around them.
            for (std::size_t line = 0; line < from_pitch; line += 64)
                __builtin_prefetch(from + (i + 4) * from_pitch + line);
            copy_bytes(to + i * to_pitch, from + i * from_pitch, bytes, streaming);
        }
    }
};

/// sums [C] = the sum of x's channels from x_begin on, in f32 over some pixels and in f64 over those, in shares that do
/// not depend on the threads. before(begin, end) is called for pixels that are about to be summed.
template <class F>
void sum_channels(const Tensor& x, std::int64_t x_begin, const Tensor& sums, F&& before) {
    with_activation("copy_channels", x.dtype(), [&]<class T>(T) {
        const std::int64_t pitch = x.shape().back(), pixels = x.numel() / pitch, count = sums.numel();
        const T* from = x.data<T>() + x_begin;
        const std::int64_t width = round_up(count, lanes), block = std::clamp<std::int64_t>(8192 / width, 1, 64);
        const std::int64_t chunks =
            std::clamp<std::int64_t>(pixels * count / Columns::chunk_elements, 1, Columns::max_chunks);
        const Scratch scratch(static_cast<std::size_t>(chunks * width) * sizeof(double));
        double* totals = scratch.as<double>();
        parallel_for(chunks, pixels * count / chunks, [&](std::int64_t chunk) {
            double* total = totals + chunk * width;
            std::fill_n(total, width, 0.0);
            const std::int64_t last = pixels * (chunk + 1) / chunks;
            for (std::int64_t begin = pixels * chunk / chunks; begin < last; begin += block) {
                const std::int64_t end = std::min(last, begin + block);
                before(begin, end);
                for_vectors(0, count, [&](std::int64_t c, auto part) {
                    Vec even{}, odd{};
                    std::int64_t i = begin;
                    for (; i + 1 < end; i += 2) {
                        even += load(from + i * pitch + c, part);
                        odd += load(from + (i + 1) * pitch + c, part);
                    }
                    if (i < end) even += load(from + i * pitch + c, part);
                    even += odd;
                    for (int k = 0; k < lanes; ++k) total[c + k] += static_cast<double>(even[k]);
                });
            }
        });
        for (std::int64_t c = 0; c < count; ++c) {
            double sum = 0;
            for (std::int64_t chunk = 0; chunk < chunks; ++chunk) sum += totals[chunk * width + c];
            sums.data<float>()[c] = static_cast<float>(sum);
        }
    });
}

/// A row of pixels of `packed` [N, H, W, C * factor^2] and the `factor` rows of `spread` [N, H * factor, W * factor, C]
/// that pixel_shuffle makes of it, a thread; f(packed element, spread element).
template <class T, class F>
void shuffle(const Tensor& packed, const Tensor& spread, int factor, F f) {
    const Extents small(packed), large(spread);
    T *from = packed.data<T>(), *to = spread.data<T>();
    parallel_for(small.rows(), small.row_size(), [=](std::int64_t row) {
        for (int i = 0; i < factor; ++i)
            for (std::int64_t j = 0; j < large.w; ++j) {
                T* p = from + (row * small.w + j / factor) * small.c + i * factor + j % factor;
                T* s = to + ((row * factor + i) * large.w + j) * large.c;
                for (std::int64_t c = 0; c < large.c; ++c) f(p[c * factor * factor], s[c]);
            }
    });
}

}  // namespace

void CpuBackend::pad2d(const Tensor& x, const Tensor& y, int top, int left) {
    const Extents in(x), out(y);
    const auto pixel = static_cast<std::size_t>(in.c) * size_of(x.dtype());
    const std::int64_t begin = std::clamp<std::int64_t>(left, 0, out.w);  // columns of y that x covers
    const std::int64_t end = std::clamp<std::int64_t>(left + in.w, begin, out.w);
    const auto before = static_cast<std::size_t>(begin) * pixel, inside = static_cast<std::size_t>(end - begin) * pixel;
    const std::size_t line = static_cast<std::size_t>(out.w) * pixel;
    const char* from = static_cast<const char*>(x.raw());
    char* to = static_cast<char*>(y.raw());
    parallel_for(out.rows(), out.row_size(), [=](std::int64_t row) {
        char* target = to + static_cast<std::size_t>(row) * line;
        const std::int64_t source = row % out.h - top;
        if (source < 0 || source >= in.h || inside == 0) {
            std::memset(target, 0, line);
            return;
        }
        std::memset(target, 0, before);
        std::memcpy(target + before,
                    from + static_cast<std::size_t>(in.at(row / out.h, source, begin - left)) *
                               (pixel / static_cast<std::size_t>(in.c)),
                    inside);
        std::memset(target + before + inside, 0, line - before - inside);
    });
}

void CpuBackend::copy_channels(const Tensor& x, std::int64_t x_begin, const Tensor& y, std::int64_t y_begin,
                               std::int64_t count, const Tensor& sums) {
    const ChannelBytes channels(x, x_begin, y, y_begin, count);
    if (sums)
        return sum_channels(x, x_begin, sums, [&](std::int64_t begin, std::int64_t end) { channels.copy(begin, end); });
    const std::int64_t pixels = x.numel() / x.shape().back();
    parallel_ranges(pixels, 1, pixels * count,
                    [&](std::int64_t begin, std::int64_t end) { channels.copy(begin, end); });
}

void CpuBackend::pixel_shuffle(const Tensor& x, const Tensor& y, int factor) {
    with_activation("pixel_shuffle", x.dtype(),
                    [&]<class T>(T) { shuffle<T>(x, y, factor, [](const T& packed, T& spread) { spread = packed; }); });
}

void CpuBackend::pixel_unshuffle(const Tensor& x, const Tensor& y, int factor) {
    with_activation("pixel_unshuffle", x.dtype(),
                    [&]<class T>(T) { shuffle<T>(y, x, factor, [](T& packed, const T& spread) { packed = spread; }); });
}

}  // namespace camber::cpu
