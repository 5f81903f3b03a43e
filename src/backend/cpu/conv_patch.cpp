#include <limits>

#include "backend/cpu/conv.h"
#include "backend/cpu/onednn.h"
#include "backend/cpu/parallel.h"
#include "backend/cpu/prepared_weight.h"

namespace camber::cpu {
namespace {

/// The patches of some rows of output pixels: [lines][wo] rows of [kh][kw][cin], a chunk at a time so that a chunk
/// stays in the caches between the product and the copy. The kw pixels of one image row in a patch lie together in the
/// image too.
struct Patches {
    std::int64_t lines, chunk_lines;  ///< rows of output pixels: in all images, in a chunk
    std::int64_t rows, width;         ///< patches in a chunk, elements in a patch
    std::int64_t piece;               ///< elements that lie together

    explicit Patches(const ConvShape& s)
        : lines(std::int64_t{s.n} * s.ho), width(std::int64_t{s.kh} * s.kw * s.cin), piece(std::int64_t{s.kw} * s.cin) {
        constexpr std::int64_t chunk_elements = std::int64_t{1} << 21;
        chunk_lines = std::clamp<std::int64_t>(chunk_elements / (s.wo * width), 1, lines);
        while (lines % chunk_lines != 0) --chunk_lines;  // equal chunks: one primitive serves them all
        rows = chunk_lines * s.wo;
    }
    std::int64_t elements() const { return rows * width; }

    /// Calls f(position of a piece in the chunk, in the image) for all pieces of a chunk.
    template <class F>
    void for_pieces(const ConvShape& s, std::int64_t first_line, F&& f) const {
        parallel_for(chunk_lines * s.kh, s.wo * piece, [&](std::int64_t i) {
            const std::int64_t line = i / s.kh, row = i % s.kh;
            std::int64_t patch = line * s.wo * width + row * piece;
            std::int64_t pixel = ((first_line + line) * s.kh + row) * s.wo * piece;
            for (int column = 0; column < s.wo; ++column, patch += width, pixel += piece) f(patch, pixel);
        });
    }
};

bool has_patches(const ConvShape& s) {
    return s.kh == s.stride_h && s.kw == s.stride_w && s.kh * s.kw > 1 && s.dilation_h == 1 && s.dilation_w == 1 &&
           s.padding == Padding{} && s.h == s.ho * s.kh && s.w == s.wo * s.kw;
}

void round_weight(const Tensor& w, void* memory) {
    const float* from = w.data<float>();
    auto* to = static_cast<bf16*>(memory);
    parallel_vectors(w.numel(), [=](std::int64_t i, auto part) { store(to + i, load(from + i, part), part); });
}

/// The weight [cout, kh * kw * cin] in the activations' dtype.
Tensor weight_of(const ConvShape& s, const Tensor& w) {
    if (s.dtype == Dtype::f32) return w;
    return prepared_weight(w, 0, static_cast<std::size_t>(w.numel()) * sizeof(bf16),
                           [&](void* memory) { round_weight(w, memory); });
}

/// The image of patches, or channels of a wider one. weight: as weight_of() gives it.
bool patches_to_image(const ConvShape& s, const Tensor& dy, const Tensor& weight, const Tensor& bias,
                      const ChannelSlice& image, bool relu) {
    const Patches patches(s);
    const ProductShape product{patches.rows, patches.width, s.cout, s.dtype};
    const Scratch scratch(static_cast<std::size_t>(patches.elements() + patches.piece) * sizeof(float));
    float *chunk = scratch.as<float>(), *biases = chunk + patches.elements();
    for (std::int64_t i = 0; i < patches.piece; ++i) biases[i] = bias ? bias.data<float>()[i % s.cin] : 0.f;
    const Vec least = splat(relu ? 0.f : -std::numeric_limits<float>::infinity());
    const std::int64_t pitch = image.tensor.dim(3);
    // Pixels of a piece lie together, or each where its neighbours' other channels leave room.
    const std::int64_t together = pitch == s.cin ? patches.piece : s.cin;
    return with_activation("conv2d_backward_data", s.dtype, [&]<class T>(T) {
        const T* from = dy.data<T>();
        T* to = image.tensor.data<T>() + image.begin;
        for (std::int64_t line = 0; line < patches.lines; line += patches.chunk_lines) {
            if (!onednn_product(product, from + line * s.wo * s.cout, weight.raw(), chunk)) return false;
            const bool whole = together % lanes == 0 && pitch % lanes == 0 && image.begin % lanes == 0;
            with_store(image.tensor, !whole, [&](auto write) {
                patches.for_pieces(s, line, [=, &patches](std::int64_t patch, std::int64_t pixel) {
                    T* at = to + pixel / s.cin * pitch;
                    for (std::int64_t done = 0; done < patches.piece; done += together, at += pitch)
                        for_vectors(0, together, [=](std::int64_t i, auto part) {
                            const Vec v = load(chunk + patch + done + i, part) + load(biases + done + i, part);
                            write(at + i, at_least(least, v), part);
                        });
                });
            });
        }
        return true;
    });
}

class PatchConvolution final : public PreparedConvolution {
  public:
    PatchConvolution(const ConvShape& s, const ConvolutionLayer& layer, KeptWeights& kept)
        : shape_(s), relu_(layer.relu), bias_(folded_bias(layer)), weight_(layer.w) {
        const bool rounded = s.dtype == Dtype::bf16;
        if (!rounded && !layer.norm) return;
        const auto bytes = static_cast<std::size_t>(round_up(layer.w.numel(), 2)) * size_of(s.dtype);
        weight_ = kept.get(layer, layout + (rounded ? 1 : 0), Device::cpu, bytes, [&](const Tensor& memory) {
            const Tensor w = folded_weight(layer);
            if (rounded)
                round_weight(w, memory.raw());
            else
                memory.copy_from(w.view({w.numel()}));
        });
    }
    void run(const ConvolutionOperands& o) const override {
        if (!patches_to_image(shape_, whole(o.x, shape_.cout), weight_, bias_, o.y, relu_))
            fail("oneDNN has no matrix product for a convolution any more");
    }

  private:
    static constexpr std::uintptr_t layout = 1;
    ConvShape shape_;
    bool relu_;
    Tensor bias_, weight_;
};

}  // namespace

bool patch_backward_data(const ConvShape& s, const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx) {
    return has_patches(s) && patches_to_image(s, dy, weight_of(s, w), bias, {dx}, false);
}

std::unique_ptr<PreparedConvolution> patch_prepare(const ConvShape& s, const ConvolutionLayer& layer,
                                                   const ConvolutionOperands& operands, KeptWeights& kept) {
    if (!has_patches(s) || operands.residual || operands.pooled || !has_onednn) return nullptr;
    return std::make_unique<PatchConvolution>(s, layer, kept);
}

bool patch_backward_filter(const ConvShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw) {
    if (!has_patches(s)) return false;
    const Patches patches(s);
    const auto lines = static_cast<int>(patches.chunk_lines);
    const ConvShape product{.n = 1,
                            .h = lines,
                            .w = s.wo,
                            .cin = static_cast<int>(patches.width),
                            .ho = lines,
                            .wo = s.wo,
                            .cout = s.cout,
                            .kh = 1,
                            .kw = 1,
                            .stride_h = 1,
                            .stride_w = 1,
                            .dilation_h = 1,
                            .dilation_w = 1,
                            .padding = {},
                            .dtype = s.dtype};
    return with_activation("conv2d_backward_filter", s.dtype, [&]<class T>(T) {
        const Tensor chunk = Tensor::empty({1, lines, s.wo, patches.width}, s.dtype, Device::cpu);
        const T* const image = x.data<T>();
        T* const to = chunk.data<T>();
        for (std::int64_t line = 0; line < patches.lines; line += patches.chunk_lines) {
            patches.for_pieces(s, line, [=, &patches](std::int64_t patch, std::int64_t pixel) {
                std::memcpy(static_cast<void*>(to + patch), image + pixel,
                            static_cast<std::size_t>(patches.piece) * sizeof(T));
            });
            const Tensor of_output = dy.slice(line * s.wo * s.cout, {1, lines, s.wo, s.cout});
            if (!onednn_backward_filter(product, chunk, of_output, dw, line > 0)) return false;
        }
        return true;
    });
}

}  // namespace camber::cpu
