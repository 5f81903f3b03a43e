#pragma once
#include <camber/module.h>

#include <cstdint>
#include <string>
#include <vector>

namespace camber::nn {

struct ParameterBufferOptions {
    Device device = Device::cpu;
    Dtype dtype = Dtype::f32;  ///< f64 for gradient checks on Device::reference
    std::uint64_t seed = 0;    ///< of initial values: parameter i takes draw i of Stream::init
    bool gradients = true;     ///< false: no gradient buffer and nothing requires a gradient (prediction)
    bool rounded = false;      ///< f32 parameters have a bf16 copy (Storage::rounded()) for kernels that want them so
    /// In training the convolution that makes the logits makes some more channels, zeros, where that lets every pixel
    /// begin at a multiple of 16 bytes of bf16 (SegmentationLossParams::classes then says how many count).
    bool padded_heads = false;
};

/// Places all parameters of a tree in one buffer, their gradients in another of the same layout and the running
/// statistics in a third, and points the modules at them. Optimizers, clipping, averaging and reductions then are one
/// pass each. Parameters that have no values yet are initialised; others keep theirs (which is how a network changes
/// device). The tree must outlive this object's use.
class ParameterBuffer {
  public:
    /// Each entry begins at a multiple of this many elements (64 bytes of f32), for aligned vector access. The gaps
    /// hold zeros and stay zero under every optimizer.
    static constexpr std::int64_t alignment = 16;

    struct Entry {
        std::string name;
        std::int64_t begin = 0, end = 0;  ///< elements of the flat tensor
        Parameter* parameter = nullptr;

        const Tensor& tensor() const { return parameter->tensor; }
        /// What forward() uses and backward() gives a gradient, in training.
        const Tensor& leaf() const { return parameter->padded ? parameter->padded : parameter->tensor; }
        bool trainable() const { return parameter->trainable; }
    };

    explicit ParameterBuffer(Module& root, const ParameterBufferOptions& options = {});

    /// In named_parameters() order.
    const std::vector<Entry>& parameters() const { return parameters_; }
    /// In named_buffers() order; begin and end are positions in buffer_values().
    const std::vector<Entry>& buffers() const { return buffers_; }
    /// The entry (parameter or buffer) of that name, or null.
    const Entry* find(const std::string& name) const;

    /// Flat, rank 1. `gradients` is undefined without gradients; `buffer_values` when there are no buffers.
    const Tensor& values() const { return values_; }
    const Tensor& gradients() const { return gradients_; }
    const Tensor& buffer_values() const { return buffer_values_; }
    /// Elements in parameters, without the gaps.
    std::int64_t parameter_count() const;

    /// Before the first backward() of a step: the next gradients overwrite what the buffer holds.
    void zero_grad();
    /// After the last backward() of a step: zeroes the gradient of every trainable parameter that backward() did not
    /// reach, so that none is left over from the step before. Frozen parameters' gradients mean nothing.
    void complete_gradients();
    /// After values were changed in place (loading, exchanging): backends drop reordered copies, and the bf16 copy is
    /// brought up to date. A step of an Optimizer does both itself.
    void mark_changed() const;

  private:
    std::vector<Entry> parameters_, buffers_;
    Tensor values_, gradients_, buffer_values_;
};

}  // namespace camber::nn
