#pragma once
#include "backend/cpu/conv.h"
#include "backend/cpu/onednn_runner.h"

/// What oneDNN, 2.6 and 3.x, is told about a convolution. For onednn*.cpp only.
namespace camber::cpu {

/// About, of a primitive that was made, with its reorder: DeepLabV3's take 100 MB.
inline constexpr std::size_t onednn_code_bytes = std::size_t{640} << 10;

struct Layouts {
    memory::desc image, weight, bias, output;
    memory::dims stride, dilation, before, after;

    Layouts(const ConvShape& s, bool with_bias, bool filter_gradient)
        : stride{s.stride_h, s.stride_w},
          dilation{s.dilation_h - 1, s.dilation_w - 1},
          before{s.padding.top, s.padding.left},
          after{s.padding.bottom, s.padding.right} {
        constexpr auto f32 = memory::data_type::f32;
        const auto activation = s.dtype == Dtype::bf16 ? memory::data_type::bf16 : f32;
        image = {{s.n, s.cin, s.h, s.w}, activation, Tag::nhwc};
        output = {{s.n, s.cout, s.ho, s.wo}, activation, Tag::nhwc};
        // Gradients of parameters are f32 whatever the activations are.
        weight = {{s.cout, s.cin, s.kh, s.kw}, filter_gradient ? f32 : activation, Tag::any};
        if (with_bias) bias = {{s.cout}, f32, Tag::x};
    }
};

using ForwardDescription = dnnl::convolution_forward::primitive_desc;
inline constexpr auto direct = dnnl::algorithm::convolution_direct;

inline ForwardDescription describe_forward(const Layouts& l, const dnnl::primitive_attr& attributes = own_scratch()) {
    constexpr auto training = dnnl::prop_kind::forward_training;
#if DNNL_VERSION_MAJOR >= 3
    return {engine(), training, direct,     l.image,  l.weight, l.bias,
            l.output, l.stride, l.dilation, l.before, l.after,  attributes};
#else
    return {{training, direct, l.image, l.weight, l.bias, l.output, l.stride, l.dilation, l.before, l.after},
            attributes,
            engine()};
#endif
}

/// make(), or null where oneDNN has no fast kernel.
template <class F>
auto or_null(const ConvShape& s, const F& make) -> decltype(make()) {
    try {
        return make();
    } catch (const dnnl::error& error) {
        if (error.status == dnnl_unimplemented) return {};
        if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
        fail("oneDNN could not set up a convolution of [{}, {}, {}, {}] by [{}, {}, {}, {}]: {}", s.n, s.h, s.w, s.cin,
             s.cout, s.kh, s.kw, s.cin, error.what());
    }
}

/// Of all that tells convolutions apart, for those that are kept. omp_get_max_threads() is among it: oneDNN divides
/// the work and sizes its scratch for as many.
inline auto key_of(const ConvShape& s) {
    return std::make_tuple(s.dtype, s.n, s.h, s.w, s.cin, s.ho, s.wo, s.cout, s.kh, s.kw, s.stride_h, s.stride_w,
                           s.dilation_h, s.dilation_w, s.padding.top, s.padding.bottom, s.padding.left, s.padding.right,
                           omp_get_max_threads());
}

}  // namespace camber::cpu
