#include "cuda/convolutions/operands.h"

#include <cstdint>

#include "cuda/kernels/convert_channels.h"
#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {
namespace {

thread_local bool poisoned = false;

Tensor take(const Shape& shape, Dtype dtype) {
    const Tensor t = Tensor::empty(shape, dtype, this_device);
    if (poisoned) Poison::spread(t);
    return t;
}

/// `t` itself where it is what a library reads or writes, else memory for that.
Tensor operand(const Tensor& t, const Shape& shape, Dtype dtype) {
    const bool aligned = reinterpret_cast<std::uintptr_t>(t.raw()) % 16 == 0;
    if (t.shape() == shape && t.dtype() == dtype && aligned) return t;
    return take(shape, dtype);
}

bool same(const Tensor& a, const Tensor& b) { return a.raw() == b.raw(); }

void fetch(const Tensor& from, const Tensor& to) {
    if (!same(from, to)) convert_channels(from, to);
}

}  // namespace

ConvOperands::ConvOperands(const ConvCall& call, std::int64_t channels, std::int64_t filters, Dtype dtype,
                           Dtype filter_dtype)
    : call_(call) {
    const auto pixels = [](const Tensor& t, std::int64_t last) { return Shape{t.dim(0), t.dim(1), t.dim(2), last}; };
    image_ = operand(call.image, pixels(call.image, channels), dtype);
    const Shape filter_shape{filters, call.filter.dim(1), call.filter.dim(2), channels};
    const Tensor rounded = filter_dtype == Dtype::bf16 ? call.rounded_filter() : Tensor();
    const Tensor& filter = rounded ? rounded : call.filter;
    filter_ = operand(filter, filter_shape, filter_dtype);
    response_ = operand(call.response, pixels(call.response, filters), dtype);
    if (call.kind != ConvKind::backward_data) fetch(call.image, image_);
    if (call.kind != ConvKind::backward_filter) fetch(filter, filter_);
    if (call.kind != ConvKind::forward) fetch(call.response, response_);
}

void ConvOperands::deliver(const Tensor& bias) const {
    const auto& [made, wanted] = call_.kind == ConvKind::forward         ? std::tie(response_, call_.response)
                                 : call_.kind == ConvKind::backward_data ? std::tie(image_, call_.image)
                                                                         : std::tie(filter_, call_.filter);
    if (!same(made, wanted) || bias) convert_channels(made, wanted, bias);
}

Poison::Poison() { poisoned = true; }
Poison::~Poison() { poisoned = false; }

// All bits set are a NaN in f32 and in bf16.
void Poison::spread(const Tensor& t) { set_bytes(t.raw(), 0xff, t.bytes()); }

Workspace::Workspace(std::int64_t bytes) {
    if (bytes <= 0) return;
    constexpr std::uintptr_t alignment = 256;
    memory_ = take({bytes + static_cast<std::int64_t>(alignment)}, Dtype::u8);
    data_ = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(memory_.raw()) + alignment - 1) / alignment *
                                    alignment);
}

}  // namespace camber::CAMBER_GPU
