#include <algorithm>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <vector>

#include "backend/cpu/onednn.h"
#include "backend/cpu/onednn_convolution.h"
#include "backend/cpu/onednn_pieces.h"
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

memory::desc plain_weight(const ConvShape& s) {
    return {{s.cout, s.cin, s.kh, s.kw}, memory::data_type::f32, Tag::ohwi};
}

using BackwardData = dnnl::convolution_backward_data::primitive_desc;

BackwardData describe_data(const Layouts& l) {
#if DNNL_VERSION_MAJOR >= 3
    return {engine(),     direct,     l.image,  l.weight, l.output,
            l.stride,     l.dilation, l.before, l.after,  describe_forward(l),
            own_scratch()};
#else
    return {{direct, l.image, l.weight, l.output, l.stride, l.dilation, l.before, l.after},
            own_scratch(),
            engine(),
            describe_forward(l)};
#endif
}

/// One convolution in one direction, ready to run.
struct Convolution {
    Runner run;
    memory::desc image, weight, bias, output;  ///< weight: in the kernel's layout
    memory::desc own_weight;                   ///< in ours
    std::optional<Runner> reorder_weight;      ///< to the kernel's layout

    template <class Description>
    Convolution(const Description& description, const Layouts& layouts, const memory::desc& own)
        : run(description),
          image(layouts.image),
          weight(description.weights_desc()),
          bias(layouts.bias),
          output(layouts.output),
          own_weight(own) {
        if (weight != own_weight) reorder_weight = reorder(own_weight, weight);
    }
};

/// What follows a convolution of inference.
struct Following {
    bool residual = false, relu = false;
    auto operator<=>(const Following&) const = default;

    dnnl::primitive_attr attributes(const Layouts& layouts) const {
        dnnl::post_ops operations;
        if (residual) operations.append_binary(dnnl::algorithm::binary_add, layouts.output);
#if DNNL_VERSION_MAJOR >= 3
        if (relu) operations.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
#else
        if (relu) operations.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
#endif
        dnnl::primitive_attr attributes = own_scratch();
        attributes.set_post_ops(operations);
        return attributes;
    }
};

/// finish(description) of the forward pass or the data gradient; null where oneDNN has no fast kernel. A description
/// costs little: no code is made.
template <class F>
auto describe(ConvPass pass, const ConvShape& s, const Layouts& layouts, const Following& following, const F& finish)
    -> decltype(finish(describe_forward(layouts))) {
    const auto fast = [&](const auto& description) {
        refuse_reference(description);
        return finish(description);
    };
    return or_null(s, [&] {
        return pass == ConvPass::forward ? fast(describe_forward(layouts, following.attributes(layouts)))
                                         : fast(describe_data(layouts));
    });
}

std::unique_ptr<Convolution> make(ConvPass pass, const ConvShape& s, bool with_bias, const Following& following) {
    const Layouts layouts(s, with_bias, false);
    return describe(pass, s, layouts, following, [&](const auto& description) {
        return std::make_unique<Convolution>(description, layouts, plain_weight(s));
    });
}

/// The convolution for this shape and number of threads, for which oneDNN divides the work and sizes its scratch; made
/// at its first use, null where oneDNN has no fast kernel for it.
std::shared_ptr<const Convolution> find(ConvPass pass, const ConvShape& s, bool with_bias,
                                        const Following& following = {}) {
    const auto key = std::make_tuple(pass, with_bias, following, key_of(s));
    static auto& convolutions = *new RecentlyUsed<std::remove_const_t<decltype(key)>, Convolution>;
    return convolutions.get(key, [&] { return make(pass, s, with_bias, following); });
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

/// The weight in the layouts that some convolutions want, each once.
class PreparedWeights {
  public:
    explicit PreparedWeights(const Tensor& w) : w_(w) {}
    memory of(const Convolution& c) {
        for (const memory& known : memories_)
            if (known.get_desc() == c.weight) return known;
        holders_.emplace_back();
        return memories_.emplace_back(prepared(c, w_, holders_.back()));
    }

  private:
    const Tensor& w_;
    std::list<Tensor> holders_;
    std::vector<memory> memories_;
};

/// Tasks of a forward pass that is cut.
constexpr int most_tasks = 16;

/// The forward pass in pieces: of kernels larger than 1x1 oneDNN changes the order of sums with the number of threads.
bool in_pieces(const ConvShape& s, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y) {
    const std::vector<Piece> pieces = pieces_of(s, worthwhile_tasks(s, most_tasks));
    std::vector<std::shared_ptr<const Convolution>> kinds;
    std::vector<memory> weights;
    PreparedWeights prepared_weights(w);
    std::size_t scratch_bytes = 0;
    {
        const OneThread one_thread;
        for (const Piece& piece : pieces) {
            kinds.push_back(find(ConvPass::forward, piece.shape, bias.defined()));
            if (!kinds.back()) return false;
            weights.push_back(prepared_weights.of(*kinds.back()));
            scratch_bytes = std::max(scratch_bytes, whole_lines(kinds.back()->run.scratch.get_size()));
        }
    }
    const int tasks = static_cast<int>(pieces.size());
    const Scratch scratch(scratch_bytes * static_cast<std::size_t>(workers_of(tasks)));
    with_activation("conv2d", s.dtype, [&]<class T>(T) {
        for_tasks(tasks, [&](int task, int worker) {
            const Piece& piece = pieces[static_cast<std::size_t>(task)];
            const Convolution& c = *kinds[static_cast<std::size_t>(task)];
            const std::int64_t image_line = std::int64_t{s.w} * s.cin, output_line = std::int64_t{s.wo} * s.cout;
            T* const from = x.data<T>() + (std::int64_t{piece.image} * s.h + piece.image_row) * image_line;
            T* const to = y.data<T>() + (std::int64_t{piece.image} * s.ho + piece.output_row) * output_line;
            Arguments arguments{{DNNL_ARG_SRC, memory_at(c.image, from)},
                                {DNNL_ARG_WEIGHTS, weights[static_cast<std::size_t>(task)]},
                                {DNNL_ARG_DST, memory_at(c.output, to)}};
            if (bias) arguments.emplace(DNNL_ARG_BIAS, memory_at(c.bias, bias.raw()));
            c.run.run(std::move(arguments), scratch.as<char>(scratch_bytes * static_cast<std::size_t>(worker)));
        });
    });
    return true;
}

class OnednnConvolution final : public PreparedConvolution {
  public:
    OnednnConvolution(std::shared_ptr<const Convolution> convolution, const ConvolutionLayer& layer, const Tensor& bias,
                      KeptWeights& kept)
        : convolution_(std::move(convolution)), layer_(layer), bias_(bias) {
        const memory::desc& layout = convolution_->weight;
        weight_ = kept.get(
            layer, layout_number(layout), Device::cpu, (layout.get_size() + 3) / 4 * 4, [&](const Tensor& target) {
                const Tensor w = folded_weight(layer);
                if (!convolution_->reorder_weight) return target.copy_from(w.view(target.shape()));
                (*convolution_->reorder_weight)({{DNNL_ARG_FROM, memory_at(convolution_->own_weight, w.raw())},
                                                 {DNNL_ARG_TO, memory_at(layout, target.raw())}});
            });
    }
    void run(const ConvolutionOperands& o) const override {
        const std::int64_t channels = layer_.out_channels();
        const Tensor x = whole(o.x, layer_.in_channels());
        Tensor y = o.y.tensor, residual;
        const bool in_place = y.dim(3) == channels;
        if (!in_place) y = Tensor::empty({y.dim(0), y.dim(1), y.dim(2), channels}, y.dtype(), Device::cpu);
        Arguments arguments{{DNNL_ARG_SRC, memory_at(convolution_->image, x.raw())},
                            {DNNL_ARG_WEIGHTS, memory_at(convolution_->weight, weight_.raw())},
                            {DNNL_ARG_DST, memory_at(convolution_->output, y.raw())}};
        if (bias_) arguments.emplace(DNNL_ARG_BIAS, memory_at(convolution_->bias, bias_.raw()));
        if (o.residual) {
            residual = whole(o.residual, channels);
            arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                              memory_at(convolution_->output, residual.raw()));
        }
        convolution_->run(std::move(arguments));
        if (o.pooled) backend(y).max_pool2d(y, o.pooled, {});
        if (!in_place) backend(y).copy_channels(y, 0, o.y.tensor, o.y.begin, channels, {});
    }

  private:
    std::shared_ptr<const Convolution> convolution_;
    ConvolutionLayer layer_;
    Tensor weight_, bias_;
};

}  // namespace

std::unique_ptr<PreparedConvolution> onednn_prepare(const ConvShape& s, const ConvolutionLayer& layer, bool residual,
                                                    KeptWeights& kept) {
    const Tensor bias = folded_bias(layer);
    const std::shared_ptr<const Convolution> c = find(ConvPass::forward, s, bias.defined(), {residual, layer.relu});
    if (!c) return nullptr;
    return std::make_unique<OnednnConvolution>(c, layer, bias, kept);
}

ConvScratch onednn_scratch(ConvPass pass, const ConvShape& s, bool has_bias) {
    if (pass == ConvPass::backward_filter) return onednn_filter_scratch(s);
    const bool with_bias = has_bias && pass == ConvPass::forward;
    const auto of = [&](const ConvShape& shape, std::size_t times) {
        const Layouts layouts(shape, with_bias, false);
        return describe(pass, shape, layouts, {}, [&](const auto& description) {
            const memory::desc weight = description.weights_desc();
            const std::size_t reordered = weight == plain_weight(shape) ? 0 : weight.get_size();
            return ConvScratch{reordered + times * description.scratchpad_desc().get_size(), onednn_code_bytes};
        });
    };
    if (pass == ConvPass::backward_data || s.kh * s.kw == 1) return of(s, 1);
    const std::vector<Piece> pieces = pieces_of(s, worthwhile_tasks(s, most_tasks));
    const int workers = workers_of(static_cast<int>(pieces.size()));
    const OneThread one_thread;
    return of(pieces.front().shape, static_cast<std::size_t>(workers));
}

bool onednn_forward(const ConvShape& s, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y) {
    if (s.kh * s.kw > 1) return in_pieces(s, x, w, bias, y);
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

}  // namespace camber::cpu
