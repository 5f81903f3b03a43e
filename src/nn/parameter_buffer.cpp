#include <camber/autograd.h>
#include <camber/nn.h>

namespace camber::nn {
namespace {

std::int64_t aligned(std::int64_t position) {
    constexpr std::int64_t step = ParameterBuffer::alignment;
    return (position + step - 1) / step * step;
}

/// Positions for `named`, one after another.
std::vector<ParameterBuffer::Entry> lay_out(const std::vector<NamedParameter>& named, std::int64_t& total) {
    std::vector<ParameterBuffer::Entry> entries;
    entries.reserve(named.size());
    total = 0;
    for (const auto& [name, parameter] : named) {
        const std::int64_t end = total + parameter->tensor.numel();
        entries.push_back({name, total, end, parameter});
        total = aligned(end);
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
    parameters_ = lay_out(root.named_parameters(), total);
    values_ = place(parameters_, total, options);
    if (options.gradients && total > 0) {
        gradients_ = Tensor::zeros({total}, options.dtype, options.device);
        for (const Entry& entry : parameters_) {
            Tensor& tensor = entry.parameter->tensor;
            tensor.set_requires_grad(entry.trainable());
            tensor.autograd_meta()->grad = gradients_.slice(entry.begin, tensor.shape());
        }
    }
    buffers_ = lay_out(root.named_buffers(), total);
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
    for (const Entry& entry : parameters_) {
        if (const auto& meta = entry.tensor().autograd_meta()) meta->has_grad = false;
    }
}

void ParameterBuffer::complete_gradients() {
    if (!gradients_) return;
    for (const Entry& entry : parameters_) {
        const auto& meta = entry.tensor().autograd_meta();
        if (!entry.trainable() || meta->has_grad) continue;
        device_memory(meta->device).zero(meta->grad.raw(), meta->grad.bytes());
        meta->has_grad = true;
    }
}

void ParameterBuffer::mark_changed() const {
    if (values_) values_.storage().bump_version();
    if (buffer_values_) buffer_values_.storage().bump_version();
}

}  // namespace camber::nn
