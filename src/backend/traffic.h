#pragma once
#include <camber/channel_slice.h>
#include <camber/tensor.h>

#include <span>

#include "backend/backend.h"

/// Bytes that a primitive moves at least, from its operands alone: what kernels move that keep nothing in caches from
/// one pass over memory to the next and compute what they can anew. A pass reads and writes each operand once; batch
/// normalisation needs two. Of operands that say where to look (pictures, label maps) nothing is known, and not
/// counted.
namespace camber::traffic {

/// Of those that are defined, together.
template <class... Tensors>
std::int64_t once(const Tensors&... tensors) {
    return ((tensors.defined() ? static_cast<std::int64_t>(tensors.bytes()) : 0) + ...);
}
template <class... Tensors>
std::int64_t twice(const Tensors&... tensors) {
    return 2 * once(tensors...);
}

/// Of the slice's tensor, as many elements as `like` has.
inline std::int64_t once(const ChannelSlice& slice, const Tensor& like) {
    return slice ? like.numel() * static_cast<std::int64_t>(size_of(slice.tensor.dtype())) : 0;
}

/// f32 weights that meet activations in bf16: read in bf16, before which, where no bf16 copy is kept, they are read in
/// f32 and the copy is written.
inline std::int64_t weights(const Tensor& w, const Tensor& activation) {
    if (activation.dtype() != Dtype::bf16) return once(w);
    return w.numel() * (w.rounded() ? 2 : 4 + 2 + 2);
}

/// Of a parameter buffer's tensors, what lies in the segments.
template <class... Tensors>
std::int64_t once(std::span<const ParameterSegment> segments, const Tensors&... tensors) {
    std::int64_t elements = 0;
    for (const ParameterSegment& segment : segments) elements += segment.end - segment.begin;
    return ((tensors.defined() ? elements * static_cast<std::int64_t>(size_of(tensors.dtype())) : 0) + ...);
}

/// A gradient of weights; that of biases is a sum over dy of its own.
inline std::int64_t filter_gradient(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db) {
    return once(x, dy, dw, db) + (db ? once(dy) : 0);
}

}  // namespace camber::traffic
