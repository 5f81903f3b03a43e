#include <memory>
#include <optional>
#include <vector>

#include "backend/cpu/onednn.h"
#include "backend/cpu/onednn_convolution.h"
#include "backend/cpu/onednn_pieces.h"
#include "backend/cpu/recently_used.h"

/// The filter gradient by oneDNN, whose own threads would each sum over a part of the pixels, so that another number of
/// them gives other bits. Here it is cut into tasks by its shape alone, each of which oneDNN does on one thread; what
/// they sum is added up in their order.
namespace camber::cpu {
namespace {

using Description = dnnl::convolution_backward_weights::primitive_desc;

Description describe(const ConvShape& s) {
    const Layouts l(s, false, true);
    const ForwardDescription hint = describe_forward(Layouts(s, false, false));
#if DNNL_VERSION_MAJOR >= 3
    return {engine(), direct,     l.image,  l.weight, l.bias, l.output,
            l.stride, l.dilation, l.before, l.after,  hint,   own_scratch()};
#else
    return {{direct, l.image, l.weight, l.bias, l.output, l.stride, l.dilation, l.before, l.after},
            own_scratch(),
            engine(),
            hint};
#endif
}

/// How a gradient is cut.
struct Cut {
    std::vector<Piece> pieces;
    int blocks = 1;         ///< of the channels of the narrower side
    bool of_image = false;  ///< that is the image, not the output

    /// More tasks would have more to add up, and go through the wider side more often: these are as fast on two threads
    /// as oneDNN's own way, or faster.
    explicit Cut(const ConvShape& s) {
        constexpr int most = 8, few = 4;
        constexpr std::size_t most_bytes = 4 << 20;  // of all pieces' gradients
        const std::size_t gradient = sizeof(float) * s.cout * s.kh * s.kw * static_cast<std::size_t>(s.cin);
        const int tasks = worthwhile_tasks(s, most);
        pieces = pieces_of(s, std::clamp(static_cast<int>(most_bytes / gradient), 1, tasks));
        of_image = s.cin < s.cout;
        const int channels = of_image ? s.cin : s.cout, done = static_cast<int>(pieces.size());
        while (2 * blocks * done <= (blocks == 1 ? tasks : few) && channels % (32 * blocks) == 0) blocks *= 2;
    }

    ConvShape of_block(ConvShape shape) const {
        (of_image ? shape.cin : shape.cout) /= blocks;
        return shape;
    }
};

/// The gradient of a piece and a block, on one thread.
struct Task {
    Runner run;
    memory::desc image, output, gradient;

    Task(const Description& description, const ConvShape& s) : run(description) {
        const Layouts layouts(s, false, true);
        image = layouts.image, output = layouts.output, gradient = description.diff_weights_desc();
    }
};

std::shared_ptr<const Task> find(const ConvShape& s) {
    using Key = decltype(key_of(s));
    static auto& tasks = *new RecentlyUsed<Key, Task>;
    return tasks.get(key_of(s), [&] {
        return or_null(s, [&] {
            const Description description = describe(s);
            refuse_reference(description);
            return std::make_unique<Task>(description, s);
        });
    });
}

/// From a task's gradient to channels of dw [cout, kh, kw, cin], of which a row is what lies between two cout.
struct Sum {
    Runner run;
    memory::desc own;
};
memory::desc own_layout(const ConvShape& s, std::int64_t row) {
    return {{s.cout, s.cin, s.kh, s.kw}, memory::data_type::f32, {row, 1, row / s.kh, row / s.kh / s.kw}};
}

/// `add`: to what is there.
std::shared_ptr<const Sum> find_sum(const ConvShape& s, const memory::desc& gradient, std::int64_t row, bool add) {
    const auto key = std::make_tuple(key_of(s), row, add);
    static auto& sums = *new RecentlyUsed<std::remove_const_t<decltype(key)>, Sum>;
    return sums.get(key, [&] {
        dnnl::primitive_attr attributes = own_scratch();
        dnnl::post_ops operations;
        if (add) operations.append_sum();
        attributes.set_post_ops(operations);
        const memory::desc own = own_layout(s, row);
        const dnnl::reorder::primitive_desc description(engine(), gradient, engine(), own, attributes);
        return std::make_unique<Sum>(Sum{Runner(description), own});
    });
}

/// [blocks, pixels, channels / blocks] of [pixels, channels].
template <class T>
Tensor in_blocks(const Tensor& t, int blocks) {
    if (blocks == 1) return t;
    const std::int64_t channels = t.shape().back(), each = channels / blocks, pixels = t.numel() / channels;
    Tensor result = Tensor::empty({blocks, pixels, each}, t.dtype(), Device::cpu);
    const T* const from = t.data<T>();
    T* const to = result.data<T>();
    parallel_for(pixels, channels, [=](std::int64_t pixel) {
        for (int block = 0; block < blocks; ++block)
            std::copy_n(from + pixel * channels + block * each, each, to + (block * pixels + pixel) * each);
    });
    return result;
}

}  // namespace

bool onednn_backward_filter(const ConvShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw, bool accumulate) {
    const Cut cut(s);
    std::vector<std::shared_ptr<const Task>> kinds;
    std::size_t gradient_bytes = 0, scratch_bytes = 0;
    {
        const OneThread one_thread;
        for (const Piece& piece : cut.pieces) {
            kinds.push_back(find(cut.of_block(piece.shape)));
            if (!kinds.back()) return false;
            gradient_bytes = std::max(gradient_bytes, whole_lines(kinds.back()->gradient.get_size()));
            scratch_bytes = std::max(scratch_bytes, whole_lines(kinds.back()->run.scratch.get_size()));
        }
    }
    const int pieces = static_cast<int>(kinds.size()), tasks = pieces * cut.blocks;
    const auto workers = static_cast<std::size_t>(workers_of(tasks));
    const Scratch gradients(gradient_bytes * static_cast<std::size_t>(tasks)), scratch(scratch_bytes * workers);
    const auto gradient_of = [&](int task) {
        return gradients.as<void>(gradient_bytes * static_cast<std::size_t>(task));
    };
    with_activation("conv2d_backward_filter", s.dtype, [&]<class T>(T) {
        const Tensor image = in_blocks<T>(x, cut.of_image ? cut.blocks : 1);
        const Tensor output = in_blocks<T>(dy, cut.of_image ? 1 : cut.blocks);
        const ConvShape part = cut.of_block(s);
        const auto line = [](int width, int channels) { return std::int64_t{width} * channels; };
        for_tasks(tasks, [&](int task, int worker) {
            const int block = task / pieces;
            const Piece& piece = cut.pieces[static_cast<std::size_t>(task % pieces)];
            const Task& kind = *kinds[static_cast<std::size_t>(task % pieces)];
            const std::int64_t image_line = line(s.w, part.cin), output_line = line(s.wo, part.cout);
            T* const from = image.data<T>() + (cut.of_image ? block * s.n * s.h * image_line : 0) +
                            (std::int64_t{piece.image} * s.h + piece.image_row) * image_line;
            T* const by = output.data<T>() + (cut.of_image ? 0 : block * s.n * s.ho * output_line) +
                          (std::int64_t{piece.image} * s.ho + piece.output_row) * output_line;
            kind.run.run({{DNNL_ARG_SRC, memory_at(kind.image, from)},
                          {DNNL_ARG_DIFF_DST, memory_at(kind.output, by)},
                          {DNNL_ARG_DIFF_WEIGHTS, memory_at(kind.gradient, gradient_of(task))}},
                         scratch.as<char>(scratch_bytes * static_cast<std::size_t>(worker)));
        });
        const std::int64_t row = std::int64_t{s.kh} * s.kw * s.cin;
        for (int task = 0; task < tasks; ++task) {
            const int block = task / pieces, piece = task % pieces;
            const memory::desc& gradient = kinds[static_cast<std::size_t>(piece)]->gradient;
            const auto sum = find_sum(cut.of_block(cut.pieces[static_cast<std::size_t>(piece)].shape), gradient, row,
                                      accumulate || piece > 0);
            float* const to = dw.data<float>() + block * (cut.of_image ? part.cin : part.cout * row);
            sum->run({{DNNL_ARG_FROM, memory_at(gradient, gradient_of(task))}, {DNNL_ARG_TO, memory_at(sum->own, to)}});
        }
    });
    return true;
}

ConvScratch onednn_filter_scratch(const ConvShape& s) {
    const Cut cut(s);
    const auto pieces = cut.pieces.size(), tasks = pieces * static_cast<std::size_t>(cut.blocks);
    std::size_t gradient = 0, scratch = 0;
    for (const Piece& piece : cut.pieces) {
        const OneThread one_thread;
        const ConvShape shape = cut.of_block(piece.shape);
        const bool known = or_null(shape, [&] {
            const Description description = describe(shape);
            gradient = std::max(gradient, description.diff_weights_desc().get_size());
            scratch = std::max(scratch, description.scratchpad_desc().get_size());
            return true;
        });
        if (!known) return {};
    }
    const auto narrow = static_cast<std::size_t>(cut.of_image ? s.h * s.w * s.cin : s.ho * s.wo * s.cout);
    return {gradient * tasks + scratch * static_cast<std::size_t>(workers_of(static_cast<int>(tasks))) +
                (cut.blocks > 1 ? narrow * static_cast<std::size_t>(s.n) * size_of(s.dtype) : 0),
            onednn_code_bytes * std::min<std::size_t>(pieces, 4)};
}

}  // namespace camber::cpu
