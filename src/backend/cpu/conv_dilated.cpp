#include <cstring>

#include "backend/cpu/conv.h"
#include "backend/cpu/onednn.h"
#include "backend/cpu/parallel.h"

namespace camber::cpu {
namespace {

bool fits(const ConvShape& s) {
    const auto within = [](int padding, int kernel, int dilation) {
        return padding >= 0 && padding <= (kernel - 1) * dilation;
    };
    return has_onednn && s.stride_h == 1 && s.stride_w == 1 && is_dilated(s) &&
           within(s.padding.top, s.kh, s.dilation_h) && within(s.padding.bottom, s.kh, s.dilation_h) &&
           within(s.padding.left, s.kw, s.dilation_w) && within(s.padding.right, s.kw, s.dilation_w);
}

/// The convolution of dy, with the taps rotated by 180 degrees, that dx is.
ConvShape rotated(ConvShape s) {
    std::swap(s.cin, s.cout);
    std::swap(s.h, s.ho);
    std::swap(s.w, s.wo);
    const int height = (s.kh - 1) * s.dilation_h, width = (s.kw - 1) * s.dilation_w;
    s.padding = {.top = height - s.padding.top,
                 .bottom = height - s.padding.bottom,
                 .left = width - s.padding.left,
                 .right = width - s.padding.right};
    return s;
}

/// w [cout, kh, kw, cin] -> [cin, kh, kw, cout], taps from the last to the first.
Tensor rotated(const ConvShape& s, const Tensor& w) {
    Tensor result = Tensor::empty({s.cin, s.kh, s.kw, s.cout}, Dtype::f32, Device::cpu);
    const float* const from = w.data<float>();
    float* const to = result.data<float>();
    const std::int64_t taps = std::int64_t{s.kh} * s.kw, cin = s.cin, cout = s.cout;
    constexpr std::int64_t block = 16;  // a cache line
    const std::int64_t blocks = (cin + block - 1) / block;
    parallel_for(blocks * taps, block * cout, [=](std::int64_t task) {
        const std::int64_t tap = task % taps, first = task / taps * block, last = std::min(cin, first + block);
        for (std::int64_t o = 0; o < cout; ++o)
            for (std::int64_t i = first; i < last; ++i)
                to[(i * taps + tap) * cout + o] = from[(o * taps + taps - 1 - tap) * cin + i];
    });
    return result;
}

/// The pixels along an axis whose tap k is inside: of dy from `begin`, of x from `source`.
struct Extent {
    int begin, source, count;

    Extent(int out, int in, int padding, int offset)
        : begin(std::clamp(padding - offset, 0, out)), source(begin - padding + offset) {
        count = std::max(0, std::min(out - begin, in - source));
    }
};

/// The pixels that meet tap (k, l).
struct Meeting {
    Extent rows, columns;
    Meeting(const ConvShape& s, int k, int l)
        : rows(s.ho, s.h, s.padding.top, k * s.dilation_h), columns(s.wo, s.w, s.padding.left, l * s.dilation_w) {}
    std::int64_t pixels() const { return std::int64_t{rows.count} * columns.count; }
};

ConvShape of_one_tap(ConvShape s, const Meeting& meeting) {
    s.kh = s.kw = s.dilation_h = s.dilation_w = 1;
    s.h = s.ho = meeting.rows.count, s.w = s.wo = meeting.columns.count;
    s.padding = {};
    return s;
}

/// Of `tensor` [n, h, w, channels] the rows and columns from `row` and `column` on.
template <class T>
Tensor part(const Tensor& tensor, int row, int rows, int column, int columns) {
    if (rows == tensor.dim(1) && columns == tensor.dim(2)) return tensor;
    Tensor result = Tensor::empty({tensor.dim(0), rows, columns, tensor.dim(3)}, tensor.dtype(), Device::cpu);
    const std::int64_t h = tensor.dim(1), w = tensor.dim(2), line = columns * tensor.dim(3);
    const T* const from = tensor.data<T>();
    T* const to = result.data<T>();
    parallel_for(tensor.dim(0) * rows, line, [=, channels = tensor.dim(3)](std::int64_t i) {
        const std::int64_t pixel = (i / rows * h + row + i % rows) * w + column;
        std::memcpy(static_cast<void*>(to + i * line), from + pixel * channels,
                    static_cast<std::size_t>(line) * sizeof(T));
    });
    return result;
}

}  // namespace

bool dilated_backward_data(const ConvShape& s, const Tensor& dy, const Tensor& w, const Tensor& bias,
                           const Tensor& dx) {
    // To a few channels, those of pictures, oneDNN's own way is no slower.
    return fits(s) && s.cin >= lanes && onednn_forward(rotated(s), dy, rotated(s, w), bias, dx);
}

/// A tap at a time: that of a 1x1 kernel over the pixels that it meets.
bool dilated_backward_filter(const ConvShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw) {
    if (!fits(s)) return false;
    const std::int64_t taps = std::int64_t{s.kh} * s.kw, cin = s.cin, cout = s.cout;
    const Tensor sum = Tensor::empty({cout, 1, 1, cin}, Dtype::f32, Device::cpu);
    return with_activation("conv2d_backward_filter", s.dtype, [&]<class T>(T) {
        for (int tap = 0; tap < taps; ++tap) {
            const Meeting meeting(s, tap / s.kw, tap % s.kw);
            const Extent &rows = meeting.rows, &columns = meeting.columns;
            const bool met = meeting.pixels() > 0;
            if (met && !onednn_backward_filter(of_one_tap(s, meeting),
                                               part<T>(x, rows.source, rows.count, columns.source, columns.count),
                                               part<T>(dy, rows.begin, rows.count, columns.begin, columns.count), sum))
                return false;
            const float* const from = sum.data<float>();
            float* const to = dw.data<float>() + tap * cin;
            parallel_for(cout, cin, [=](std::int64_t o) {
                if (met)
                    std::copy_n(from + o * cin, cin, to + o * taps * cin);
                else
                    std::fill_n(to + o * taps * cin, cin, 0.f);
            });
        }
        return true;
    });
}

ConvScratch dilated_scratch(ConvPass pass, const ConvShape& s) {
    if (!fits(s) || pass == ConvPass::forward) return {};
    if (pass == ConvPass::backward_data) {
        if (s.cin < lanes) return {};
        ConvScratch result = onednn_scratch(ConvPass::forward, rotated(s), false);
        result.while_it_runs += sizeof(float) * s.cout * s.kh * s.kw * static_cast<std::size_t>(s.cin);
        return result;
    }
    ConvScratch most;
    for (int tap = 0; tap < s.kh * s.kw; ++tap) {
        const Meeting meeting(s, tap / s.kw, tap % s.kw);
        if (meeting.pixels() == 0) continue;
        const ConvShape one = of_one_tap(s, meeting);
        ConvScratch scratch = onednn_scratch(pass, one, false);
        const auto channels = (meeting.pixels() < std::int64_t{s.h} * s.w ? s.cin : 0) +
                              (meeting.pixels() < std::int64_t{s.ho} * s.wo ? s.cout : 0);
        scratch.while_it_runs += size_of(s.dtype) * s.n * static_cast<std::size_t>(meeting.pixels() * channels);
        most.while_it_runs = std::max(most.while_it_runs, scratch.while_it_runs);
        most.code += scratch.code;
    }
    most.while_it_runs += sizeof(float) * s.cout * static_cast<std::size_t>(s.cin);
    return most;
}

}  // namespace camber::cpu
