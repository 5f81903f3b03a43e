#include <camber/autograd.h>
#include <camber/parameter_buffer.h>

#include "backend/backend.h"

namespace camber::nn {
namespace {

std::int64_t aligned(std::int64_t position) {
    constexpr std::int64_t step = ParameterBuffer::alignment;
    return (position + step - 1) / step * step;
}

/// The shape of a convolution's weight or bias with `rows` rows.
Shape padded_shape(const Parameter& parameter) {
    const Shape& shape = parameter.tensor.shape();
    if (shape.rank() == 1) return {parameter.rows};
    return {parameter.rows, shape[1], shape[2], shape[3]};
}

/// Positions for `named`, one after another; with room for more rows where those are wanted.
std::vector<ParameterBuffer::Entry> lay_out(const std::vector<NamedParameter>& named, bool padded,
                                            std::int64_t& total) {
    std::vector<ParameterBuffer::Entry> entries;
    entries.reserve(named.size());
    total = 0;
    for (const auto& [name, parameter] : named) {
        const std::int64_t size = parameter->tensor.numel();
        entries.push_back({name, total, total + size, parameter});
        total = aligned(total + (padded && parameter->rows > 0 ? padded_shape(*parameter).numel() : size));
    }
    return entries;
}

/// The values a parameter has, or its initial ones, on the host.
std::vector<float> values_of(const Parameter& parameter, const PhiloxKey& key) {
    const Tensor& tensor = parameter.tensor;
    if (tensor.device() != Device::meta) {
        if (tensor.dtype() == Dtype::f32) return tensor.to_vector<float>();
        const std::vector<double> wide = tensor.to_vector<double>();
        return {wide.begin(), wide.end()};
    }
    std::vector<float> values(static_cast<std::size_t>(tensor.numel()));
    parameter.init(values, tensor.shape(), key);
    return values;
}

void store(const std::vector<float>& values, const Tensor& target) {
    DeviceMemory& memory = device_memory(target.device());
    if (target.dtype() == Dtype::f32) {
        memory.copy_from_host(target.raw(), values.data(), target.bytes());
    } else {
        const std::vector<double> wide(values.begin(), values.end());
        memory.copy_from_host(target.raw(), wide.data(), target.bytes());
    }
}

/// Moves the entries' tensors into one zeroed buffer.
Tensor place(const std::vector<ParameterBuffer::Entry>& entries, std::int64_t total,
             const ParameterBufferOptions& options) {
    if (total == 0) return {};
    const Tensor flat = Tensor::zeros({total}, options.dtype, options.device);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        Parameter& parameter = *entries[i].parameter;
        const Tensor view = flat.slice(entries[i].begin, parameter.tensor.shape());
        if (options.device != Device::meta) {
            store(values_of(parameter, {options.seed, Stream::init, i}), view);
        }
        parameter.tensor = view;
    }
    return flat;
}

}  // namespace

ParameterBuffer::ParameterBuffer(Module& root, const ParameterBufferOptions& options) {
    if (options.dtype != Dtype::f32 && options.dtype != Dtype::f64) {
        fail("parameters are f32 or f64, not {}: activations alone can be {}", name(options.dtype),
             name(options.dtype));
    }
    std::int64_t total = 0;
    parameters_ = lay_out(root.named_parameters(), options.padded_heads, total);
    values_ = place(parameters_, total, options);
    for (const Entry& entry : parameters_) {
        Parameter& parameter = *entry.parameter;
        const bool pads = options.padded_heads && options.gradients && parameter.rows > parameter.tensor.dim(0);
        parameter.padded = pads ? values_.slice(entry.begin, padded_shape(parameter)) : Tensor();
    }
    if (options.gradients && total > 0) {
        gradients_ = Tensor::zeros({total}, options.dtype, options.device);
        for (const Entry& entry : parameters_) {
            for (Tensor* tensor : {&entry.parameter->tensor, &entry.parameter->padded}) {
                if (!*tensor) continue;
                tensor->set_requires_grad(entry.trainable());
                tensor->autograd_meta()->grad = gradients_.slice(entry.begin, tensor->shape());
                tensor->autograd_meta()->grad_is_zero = true;
            }
        }
    }
    if (options.rounded && options.dtype == Dtype::f32 && total > 0) {
        const auto bytes = static_cast<std::size_t>(total) * sizeof(bf16);
        values_.storage().set_rounded(std::make_shared<Storage>(options.device, bytes));
    }
    buffers_ = lay_out(root.named_buffers(), false, total);
    buffer_values_ = place(buffers_, total, options);
    mark_changed();
}

const ParameterBuffer::Entry* ParameterBuffer::find(const std::string& name) const {
    for (const auto* entries : {&parameters_, &buffers_}) {
        for (const Entry& entry : *entries) {
            if (entry.name == name) return &entry;
        }
    }
    return nullptr;
}

std::int64_t ParameterBuffer::parameter_count() const {
    std::int64_t count = 0;
    for (const Entry& entry : parameters_) count += entry.end - entry.begin;
    return count;
}

void ParameterBuffer::zero_grad() {
    for (const Entry& entry : parameters_)
        for (const Tensor* tensor : {&entry.tensor(), &entry.leaf()})
            if (*tensor && tensor->autograd_meta()) tensor->autograd_meta()->has_grad = false;
}

void ParameterBuffer::complete_gradients() {
    if (!gradients_) return;
    for (const Entry& entry : parameters_) {
        if (!entry.trainable()) continue;
        const auto& meta = entry.leaf().autograd_meta();
        if (!meta->has_grad && !meta->grad_is_zero)
            device_memory(meta->device).zero(meta->grad.raw(), meta->grad.bytes());
        meta->grad_is_zero = meta->grad_is_zero || !meta->has_grad;
        meta->has_grad = true;
        entry.tensor().autograd_meta()->has_grad = true;  // what it shows is the leaf's
    }
}

void ParameterBuffer::mark_changed() const {
    if (values_) {
        Storage& storage = values_.storage();
        storage.bump_version();
        if (storage.rounded()) {
            storage.mark_rounded();
            backend(values_).cast(values_, values_.rounded());
        }
    }
    if (buffer_values_) buffer_values_.storage().bump_version();
}

}  // namespace camber::nn
