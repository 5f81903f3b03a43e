#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <vector>

#include "backend/cpu/onednn.h"
#include "backend/cpu/onednn_runner.h"
#include "backend/cpu/prepared_weight.h"
#include "backend/cpu/recently_used.h"

/// Convolutions by oneDNN, 2.6 and 3.x. Activations stay NHWC; weights and their gradients go through whatever blocked
/// layout the kernel asks for. Primitives are made once per shape, of those in use; the memory they need comes from the
/// caching allocator.
namespace camber::cpu {
namespace {

Runner reorder(const memory::desc& from, const memory::desc& to) {
    return Runner(dnnl::reorder::primitive_desc(engine(), from, engine(), to, own_scratch()));
}

/// About, of a primitive that was made, with its reorder: DeepLabV3's take 100 MB.
constexpr std::size_t code_bytes = std::size_t{640} << 10;

/// What oneDNN is told about a convolution.
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

memory::desc plain_weight(const ConvShape& s) {
    return {{s.cout, s.cin, s.kh, s.kw}, memory::data_type::f32, Tag::ohwi};
}

using Forward = dnnl::convolution_forward::primitive_desc;
using BackwardData = dnnl::convolution_backward_data::primitive_desc;
using BackwardFilter = dnnl::convolution_backward_weights::primitive_desc;
constexpr auto direct = dnnl::algorithm::convolution_direct;
constexpr auto training = dnnl::prop_kind::forward_training;

#if DNNL_VERSION_MAJOR >= 3
Forward describe_forward(const Layouts& l) {
    return {engine(), training, direct,     l.image,  l.weight, l.bias,
            l.output, l.stride, l.dilation, l.before, l.after,  own_scratch()};
}
BackwardData describe_data(const Layouts& l) {
    return {engine(),     direct,     l.image,  l.weight, l.output,
            l.stride,     l.dilation, l.before, l.after,  describe_forward(l),
            own_scratch()};
}
BackwardFilter describe_filter(const Layouts& l, const Forward& hint) {
    return {engine(), direct,     l.image,  l.weight, l.bias, l.output,
            l.stride, l.dilation, l.before, l.after,  hint,   own_scratch()};
}
#else
Forward describe_forward(const Layouts& l) {
    return {{training, direct, l.image, l.weight, l.bias, l.output, l.stride, l.dilation, l.before, l.after},
            own_scratch(),
            engine()};
}
BackwardData describe_data(const Layouts& l) {
    return {{direct, l.image, l.weight, l.output, l.stride, l.dilation, l.before, l.after},
            own_scratch(),
            engine(),
            describe_forward(l)};
}
BackwardFilter describe_filter(const Layouts& l, const Forward& hint) {
    return {{direct, l.image, l.weight, l.bias, l.output, l.stride, l.dilation, l.before, l.after},
            own_scratch(),
            engine(),
            hint};
}
#endif

/// One convolution in one direction, ready to run.
struct Convolution {
    Runner run;
    memory::desc image, weight, bias, output;  ///< weight: in the kernel's layout
    memory::desc own_weight;                   ///< in ours
    std::optional<Runner> reorder_weight;      ///< to the kernel's layout or, of a gradient, from it

    template <class Description>
    Convolution(const Description& description, const Layouts& layouts, const memory::desc& kernel_weight,
                const memory::desc& own, bool gradient)
        : run(description),
          image(layouts.image),
          weight(kernel_weight),
          bias(layouts.bias),
          output(layouts.output),
          own_weight(own) {
        if (weight == own_weight) return;
        reorder_weight = gradient ? reorder(weight, own_weight) : reorder(own_weight, weight);
    }
};

/// finish(description, the weight's layout in the kernel); null where oneDNN has no fast kernel. A description costs
/// little: no code is made.
template <class F>
auto describe(ConvPass pass, const ConvShape& s, const Layouts& layouts, bool with_bias, const F& finish)
    -> decltype(finish(describe_forward(layouts), layouts.weight)) {
    const auto fast = [&](const auto& description, const memory::desc& weight) {
        refuse_reference(description);
        return finish(description, weight);
    };
    try {
        if (pass == ConvPass::forward) {
            const Forward description = describe_forward(layouts);
            return fast(description, description.weights_desc());
        }
        if (pass == ConvPass::backward_data) {
            const BackwardData description = describe_data(layouts);
            return fast(description, description.weights_desc());
        }
        const BackwardFilter description = describe_filter(layouts, describe_forward(Layouts(s, with_bias, false)));
        return fast(description, description.diff_weights_desc());
    } catch (const dnnl::error& error) {
        if (error.status == dnnl_unimplemented) return {};
        if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
        fail("oneDNN could not set up a convolution of [{}, {}, {}, {}] by [{}, {}, {}, {}]: {}", s.n, s.h, s.w, s.cin,
             s.cout, s.kh, s.kw, s.cin, error.what());
    }
}

std::unique_ptr<Convolution> make(ConvPass pass, const ConvShape& s, bool with_bias) {
    const bool gradient = pass == ConvPass::backward_filter;
    const Layouts layouts(s, with_bias, gradient);
    return describe(pass, s, layouts, with_bias, [&](const auto& description, const memory::desc& weight) {
        return std::make_unique<Convolution>(description, layouts, weight, plain_weight(s), gradient);
    });
}

/// The convolution for this shape, made at its first use; null where oneDNN has no fast kernel for it.
std::shared_ptr<const Convolution> find(ConvPass pass, const ConvShape& s, bool with_bias) {
    const auto key = std::make_tuple(pass, with_bias, s.dtype, s.n, s.h, s.w, s.cin, s.ho, s.wo, s.cout, s.kh, s.kw,
                                     s.stride_h, s.stride_w, s.dilation_h, s.dilation_w, s.padding.top,
                                     s.padding.bottom, s.padding.left, s.padding.right);
    static auto& convolutions = *new RecentlyUsed<std::remove_const_t<decltype(key)>, Convolution>;
    return convolutions.get(key, [&] { return make(pass, s, with_bias); });
}

/// Tells layouts of prepared weights apart: convolutions of several sizes have the same one.
std::uintptr_t layout_number(const memory::desc& layout) {
    static std::mutex mutex;
    static auto& known = *new std::vector<memory::desc>;
    const std::lock_guard lock(mutex);
    const auto found = std::find(known.begin(), known.end(), layout);
    const auto number = static_cast<std::uintptr_t>(found - known.begin());
    if (found == known.end()) known.push_back(layout);
    constexpr std::uintptr_t first = 16;  // those of other kernels are below
    return first + number;
}

memory prepared(const Convolution& c, const Tensor& w, Tensor& holder) {
    if (!c.reorder_weight) return memory_at(c.weight, w.raw());
    holder = prepared_weight(w, layout_number(c.weight), c.weight.get_size(), [&](void* target) {
        (*c.reorder_weight)(
            {{DNNL_ARG_FROM, memory_at(c.own_weight, w.raw())}, {DNNL_ARG_TO, memory_at(c.weight, target)}});
    });
    return memory_at(c.weight, holder.raw());
}

}  // namespace

ConvScratch onednn_scratch(ConvPass pass, const ConvShape& s, bool has_bias) {
    const bool with_bias = has_bias && pass != ConvPass::backward_data;
    const Layouts layouts(s, with_bias, pass == ConvPass::backward_filter);
    return describe(pass, s, layouts, with_bias, [&](const auto& description, const memory::desc& weight) {
        const std::size_t reordered = weight == plain_weight(s) ? 0 : weight.get_size();
        return ConvScratch{reordered + description.scratchpad_desc().get_size(), code_bytes};
    });
}

bool onednn_forward(const ConvShape& s, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y) {
    const std::shared_ptr<const Convolution> c = find(ConvPass::forward, s, bias.defined());
    if (!c) return false;
    Tensor holder;
    Arguments arguments{{DNNL_ARG_SRC, memory_at(c->image, x.raw())},
                        {DNNL_ARG_WEIGHTS, prepared(*c, w, holder)},
                        {DNNL_ARG_DST, memory_at(c->output, y.raw())}};
    if (bias) arguments.emplace(DNNL_ARG_BIAS, memory_at(c->bias, bias.raw()));
    c->run(std::move(arguments));
    return true;
}

bool onednn_backward_data(const ConvShape& s, const Tensor& dy, const Tensor& w, const Tensor& dx) {
    const std::shared_ptr<const Convolution> c = find(ConvPass::backward_data, s, false);
    if (!c) return false;
    Tensor holder;
    c->run({{DNNL_ARG_DIFF_DST, memory_at(c->output, dy.raw())},
            {DNNL_ARG_WEIGHTS, prepared(*c, w, holder)},
            {DNNL_ARG_DIFF_SRC, memory_at(c->image, dx.raw())}});
    return true;
}

bool onednn_backward_filter(const ConvShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db) {
    const std::shared_ptr<const Convolution> c = find(ConvPass::backward_filter, s, db.defined());
    if (!c) return false;
    const Scratch blocked(c->reorder_weight ? c->weight.get_size() : 0);
    const memory gradient = memory_at(c->weight, c->reorder_weight ? blocked.as<void>() : dw.raw());
    Arguments arguments{{DNNL_ARG_SRC, memory_at(c->image, x.raw())},
                        {DNNL_ARG_DIFF_DST, memory_at(c->output, dy.raw())},
                        {DNNL_ARG_DIFF_WEIGHTS, gradient}};
    if (db) arguments.emplace(DNNL_ARG_DIFF_BIAS, memory_at(c->bias, db.raw()));
    c->run(std::move(arguments));
    if (c->reorder_weight) {
        (*c->reorder_weight)({{DNNL_ARG_FROM, gradient}, {DNNL_ARG_TO, memory_at(c->own_weight, dw.raw())}});
    }
    return true;
}

}  // namespace camber::cpu
