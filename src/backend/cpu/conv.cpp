#include "backend/cpu/conv.h"

#include <limits>

#include "backend/cpu/columns.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/onednn.h"
#include "backend/cpu/prepared_weight.h"
#include "backend/cpu/winograd/winograd.h"

/// Which way a convolution goes: Winograd where it is profitable, oneDNN where the build has it, else plain loops.
namespace camber::cpu {
namespace {

ConvShape shape_of(const char* primitive, const Tensor& image, const Tensor& w, const Tensor& output,
                   const Conv2dParams& p) {
    with_activation(primitive, image.dtype(), [](auto) {});
    for (const Tensor* t : {&image, &w, &output})
        for (int axis = 0; axis < 4; ++axis)
            if (t->dim(axis) > std::numeric_limits<std::int32_t>::max() / 4)
                fail("{}: the extents of {} are beyond what convolutions are made for", primitive, t->shape().str());
    const auto extent = [](const Tensor& t, int axis) { return static_cast<int>(t.dim(axis)); };
    return {.n = extent(image, 0),
            .h = extent(image, 1),
            .w = extent(image, 2),
            .cin = extent(image, 3),
            .ho = extent(output, 1),
            .wo = extent(output, 2),
            .cout = extent(output, 3),
            .kh = extent(w, 1),
            .kw = extent(w, 2),
            .stride_h = p.stride_h,
            .stride_w = p.stride_w,
            .dilation_h = p.dilation_h,
            .dilation_w = p.dilation_w,
            .padding = p.padding,
            .dtype = image.dtype()};
}

bool pads(const ConvShape& s) {
    return s.padding.top >= 0 && s.padding.bottom >= 0 && s.padding.left >= 0 && s.padding.right >= 0;
}

WinogradShape with_tile(WinogradShape shape) {
    shape.tile = winograd_tile(shape);
    return shape;
}
WinogradShape winograd_shape(const ConvShape& s) {
    return with_tile({.n = s.n,
                      .h = s.h,
                      .w = s.w,
                      .cin = s.cin,
                      .cout = s.cout,
                      .pad_top = s.padding.top,
                      .pad_left = s.padding.left,
                      .ho = s.ho,
                      .wo = s.wo,
                      .dilation = s.dilation_h});
}
/// Of the data gradient.
WinogradShape transposed_shape(const ConvShape& s) {
    return with_tile({.n = s.n,
                      .h = s.ho,
                      .w = s.wo,
                      .cin = s.cout,
                      .cout = s.cin,
                      .pad_top = 2 * s.dilation_h - s.padding.top,
                      .pad_left = 2 * s.dilation_w - s.padding.left,
                      .ho = s.h,
                      .wo = s.w,
                      .dilation = s.dilation_h});
}

bool is_winograd_shape(const ConvShape& s) {
    return s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == s.dilation_w && pads(s) &&
           s.padding.top % s.dilation_h == 0 && s.padding.left % s.dilation_w == 0;
}

bool by_winograd(const ConvShape& s) { return is_winograd_shape(s) && winograd_profitable(winograd_shape(s)); }

/// In f32, where direct convolutions take twice as long as in bf16, a few output channels are enough.
bool by_winograd_in_inference(const ConvShape& s) {
    return is_winograd_shape(s) && winograd_profitable(winograd_shape(s), s.dtype == Dtype::f32 ? 8 : 16);
}

Scratch winograd_scratch(std::size_t floats) { return Scratch(floats * sizeof(float)); }

const float* data_or_null(const Tensor& tensor) { return tensor ? tensor.data<float>() : nullptr; }

/// y or, `backward`, dx; the image it is made of has shape.cin channels.
void winograd(const WinogradShape& shape, bool backward, const Tensor& x, const Tensor& w, const Tensor& bias,
              const Tensor& y) {
    const std::size_t floats = winograd_filter_floats(shape.tile, shape.cin, shape.cout);
    const auto layout = static_cast<std::uintptr_t>(shape.tile + (backward ? 1 : 0));
    const Tensor filter = prepared_weight(w, layout, floats * sizeof(float), [&](void* memory) {
        auto* const u = static_cast<float*>(memory);
        if (backward)
            winograd_transform_filter_backward(w.data<float>(), shape.tile, shape.cout, shape.cin, u);
        else
            winograd_transform_filter(w.data<float>(), shape.tile, shape.cin, shape.cout, u);
    });
    const Scratch scratch = winograd_scratch(winograd_forward_scratch_floats(shape));
    with_activation("conv2d", x.dtype(), [&]<class T>(T) {
        const WinogradOperands<T> operands{x.data<T>(),        shape.cin,   static_cast<const float*>(filter.raw()),
                                           data_or_null(bias), y.data<T>(), shape.cout};
        winograd_forward(shape, operands, scratch.as<float>());
    });
}

/// y += bias.
void add_bias(const Tensor& y, const Tensor& bias) {
    with_activation("bias", y.dtype(), [&]<class T>(T) {
        const Columns columns(y);
        const Scratch scratch(static_cast<std::size_t>(columns.period) * sizeof(float));
        const float* row = scratch.as<float>();
        expand(columns, bias.data<float>(), scratch.as<float>());
        T* values = y.data<T>();
        columns.parallel_rows([=](std::int64_t i, std::int64_t j, auto part) {
            store(values + i, load(values + i, part) + load(row + j), part);
        });
    });
}

void forward(const ConvShape& s, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y) {
    if (by_winograd(s)) {
        winograd(winograd_shape(s), false, x, w, bias, y);
    } else if (!pads(s) || !onednn_forward(s, x, w, bias, y)) {
        plain_forward(s, x, w, bias, y);
    }
}

/// dx = gradient of the image, plus bias [cin] where defined.
void backward_data(const ConvShape& s, const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx) {
    if (by_winograd(s)) {
        winograd(transposed_shape(s), true, dy, w, bias, dx);
    } else if (patch_backward_data(s, dy, w, bias, dx) || dilated_backward_data(s, dy, w, bias, dx)) {
        return;
    } else if (!pads(s) || !onednn_backward_data(s, dy, w, dx)) {
        plain_backward_data(s, dy, w, bias, dx);
    } else if (bias) {
        add_bias(dx, bias);
    }
}

void backward_filter(const ConvShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db) {
    if (by_winograd(s)) {
        const WinogradShape shape = winograd_shape(s);
        const Scratch scratch = winograd_scratch(winograd_filter_grad_scratch_floats(shape));
        with_activation("conv2d", x.dtype(), [&]<class T>(T) {
            winograd_filter_grad(shape, x.data<T>(), dy.data<T>(), dw.data<float>(), db ? db.data<float>() : nullptr,
                                 scratch.as<float>());
        });
        return;
    }
    if (!patch_backward_filter(s, x, dy, dw) && !dilated_backward_filter(s, x, dy, dw) &&
        !(pads(s) && !is_dilated(s) && onednn_backward_filter(s, x, dy, dw)))
        plain_backward_filter(s, x, dy, dw);
    if (db) column_sum(dy, db);
}

/// The routes are those of forward() and so on.
ConvScratch scratch_of(ConvPass pass, const ConvShape& s, bool has_bias) {
    if (!by_winograd(s)) {
        const ConvScratch dilated = dilated_scratch(pass, s);
        const bool by_loops = !pads(s) || (pass == ConvPass::backward_filter && is_dilated(s));
        return dilated.while_it_runs > 0 || by_loops ? dilated : onednn_scratch(pass, s, has_bias);
    }
    if (pass == ConvPass::backward_filter)
        return {winograd_filter_grad_scratch_floats(winograd_shape(s)) * sizeof(float), 0};
    const WinogradShape shape = pass == ConvPass::forward ? winograd_shape(s) : transposed_shape(s);
    return {(winograd_filter_floats(shape.tile, shape.cin, shape.cout) + winograd_forward_scratch_floats(shape)) *
                sizeof(float),
            0};
}

/// The first element of a slice.
template <class T>
T* begin_of(const ChannelSlice& slice) {
    return slice ? slice.tensor.data<T>() + slice.begin : nullptr;
}
int pitch_of(const ChannelSlice& slice) { return slice ? static_cast<int>(slice.tensor.dim(3)) : 0; }

class WinogradConvolution final : public PreparedConvolution {
  public:
    WinogradConvolution(const ConvShape& s, const ConvolutionLayer& layer, KeptWeights& kept)
        : shape_(winograd_shape(s)), dtype_(s.dtype), relu_(layer.relu), bias_(folded_bias(layer)) {
        // Up to here a filter kept transformed is faster, and takes no more memory than other libraries do.
        by_columns_ = static_cast<long>(s.cin) * s.cout > 256L * 256;
        const auto layout = static_cast<std::uintptr_t>(by_columns_ ? packed_layout + size_of(dtype_) : shape_.tile);
        const std::size_t bytes = by_columns_ ? winograd_packed_elements(s.cin, s.cout) * size_of(dtype_)
                                              : winograd_filter_floats(shape_.tile, s.cin, s.cout) * sizeof(float);
        filter_ = kept.get(layer, layout, Device::cpu, bytes, [&](const Tensor& memory) {
            const Tensor w = folded_weight(layer);
            const float* const from = w.data<float>();
            if (!by_columns_) return winograd_transform_filter(from, shape_.tile, s.cin, s.cout, memory.data<float>());
            with_activation("conv2d", dtype_, [&]<class T>(T) {
                winograd_pack_filter(from, s.cin, s.cout, static_cast<T*>(memory.raw()));
            });
        });
    }
    void run(const ConvolutionOperands& o) const override {
        const Scratch scratch = winograd_scratch(by_columns_ ? winograd_by_columns_scratch_floats(shape_)
                                                             : winograd_forward_scratch_floats(shape_));
        with_activation("conv2d", dtype_, [&]<class T>(T) {
            const WinogradOperands<T> operands{begin_of<T>(o.x),
                                               pitch_of(o.x),
                                               by_columns_ ? nullptr : filter_.data<float>(),
                                               data_or_null(bias_),
                                               begin_of<T>(o.y),
                                               pitch_of(o.y),
                                               begin_of<T>(o.residual),
                                               pitch_of(o.residual),
                                               relu_,
                                               begin_of<T>(o.coarse),
                                               static_cast<int>(o.coarse_channels),
                                               pitch_of(o.coarse),
                                               o.pooled ? o.pooled.data<T>() : nullptr};
            if (by_columns_)
                winograd_by_columns(shape_, operands, static_cast<const T*>(filter_.raw()), scratch.as<float>());
            else
                winograd_forward(shape_, operands, scratch.as<float>());
        });
    }

  private:
    static constexpr std::size_t packed_layout = 8;
    WinogradShape shape_;
    Dtype dtype_;
    bool relu_, by_columns_;
    Tensor filter_, bias_;  ///< filter: transformed, or packed
};

/// A tensor of the shape that a slice has.
Tensor like(const ChannelSlice& slice, std::int64_t channels) {
    const Tensor& t = slice.tensor;
    return Tensor::empty({t.dim(0), t.dim(1), t.dim(2), channels}, t.dtype(), Device::meta);
}

ConvShape shape_of(const ConvolutionLayer& layer, const ConvolutionOperands& o) {
    const Tensor out = like(o.y, layer.out_channels());
    Tensor in;
    if (const Tensor& coarse = o.coarse.tensor)
        in = Tensor::empty({coarse.dim(0), 2 * coarse.dim(1), 2 * coarse.dim(2), layer.in_channels()}, coarse.dtype(),
                           Device::meta);
    else
        in = like(o.x, layer.in_channels());
    return layer.transposed() ? shape_of("conv2d_backward_data", out, layer.w, in, layer.p)
                              : shape_of("conv2d", in, layer.w, out, layer.p);
}

}  // namespace

bool CpuBackend::reads_coarse(const ConvolutionLayer& layer, const ConvolutionOperands& operands) const {
    if (layer.transposed()) return false;
    const ConvShape s = shape_of(layer, operands);
    return by_winograd_in_inference(s) && s.dilation_h == 1 && s.padding.top == 1 && s.padding.left == 1 &&
           operands.coarse_channels % lanes == 0;
}

std::unique_ptr<PreparedConvolution> CpuBackend::prepare(const ConvolutionLayer& layer,
                                                         const ConvolutionOperands& operands, KeptWeights& kept) {
    const ConvShape s = shape_of(layer, operands);
    std::unique_ptr<PreparedConvolution> result;
    const bool apart = layer.p.dilation_h > 1 && operands.pooled;  // windows of pixels that are not of one image there
    if (!layer.transposed() && by_winograd_in_inference(s) && !apart)
        result = std::make_unique<WinogradConvolution>(s, layer, kept);
    else if (!layer.transposed() && pads(s))
        result = onednn_prepare(s, layer, operands.residual.tensor.defined(), kept);
    else if (layer.transposed())
        result = patch_prepare(s, layer, operands, kept);
    return result ? std::move(result) : Backend::prepare(layer, operands, kept);
}

ConvScratch CpuBackend::conv_scratch(ConvPass pass, const Tensor& image, const Tensor& w, const Tensor& output,
                                     bool has_bias, const Conv2dParams& p) const {
    return scratch_of(pass, shape_of("conv2d", image, w, output, p), has_bias);
}

void CpuBackend::conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) {
    forward(shape_of("conv2d", x, w, y, p), x, w, bias, y);
}

void CpuBackend::conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx,
                                      const Conv2dParams& p) {
    backward_data(shape_of("conv2d_backward_data", dx, w, dy, p), dy, w, bias, dx);
}

void CpuBackend::conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                        const Conv2dParams& p) {
    backward_filter(shape_of("conv2d_backward_filter", x, dw, dy, p), x, dy, dw, db);
}

}  // namespace camber::cpu
