#include <camber/autograd.h>
#include <camber/layers.h>

#include <algorithm>

namespace camber::nn {

Tensor Module::forward(const Tensor&) { fail("this module has no forward() of one tensor"); }

void Module::train(bool on) {
    training_ = on;
    for (auto& [name, child] : children_) child->train(on);
}

std::vector<NamedParameter> Module::named_parameters() const {
    std::vector<NamedParameter> result;
    collect("", false, result);
    return result;
}

std::vector<NamedParameter> Module::named_buffers() const {
    std::vector<NamedParameter> result;
    collect("", true, result);
    return result;
}

std::vector<std::pair<std::string, Module*>> Module::named_modules() {
    std::vector<std::pair<std::string, Module*>> result;
    collect_modules("", result);
    return result;
}

void Module::set_trainable(bool trainable, bool batch_norms_too) {
    if (batch_norms_too || !dynamic_cast<BatchNorm2d*>(this)) {
        for (auto& [name, parameter] : parameters_) {
            parameter->trainable = trainable;
            for (const Tensor& tensor : {parameter->tensor, parameter->padded}) {
                // Absent until placed, and where gradients are not kept.
                if (const auto& meta = tensor.autograd_meta()) {
                    meta->requires_grad = trainable;
                    meta->has_grad = false;
                }
            }
        }
    }
    for (auto& [name, child] : children_) child->set_trainable(trainable, batch_norms_too);
}

void Module::adopt(const std::string& name, std::unique_ptr<Module> child) {
    check_name(name);
    child->share_context(context_);
    child->train(training_);
    children_.emplace_back(name, std::move(child));
}

void Module::adopt_merged(std::unique_ptr<Module> child) {
    child->share_context(context_);
    child->train(training_);
    children_.emplace_back(std::string(), std::move(child));
}

Parameter& Module::add_parameter(const std::string& name, const Shape& shape, init::Initializer initializer) {
    check_name(name);
    auto parameter = std::make_unique<Parameter>(
        Parameter{Tensor::empty(shape, Dtype::f32, Device::meta), std::move(initializer), true});
    return *parameters_.emplace_back(name, std::move(parameter)).second;
}

Parameter& Module::add_buffer(const std::string& name, const Shape& shape, init::Initializer initializer) {
    check_name(name);
    auto buffer = std::make_unique<Parameter>(
        Parameter{Tensor::empty(shape, Dtype::f32, Device::meta), std::move(initializer), false});
    return *buffers_.emplace_back(name, std::move(buffer)).second;
}

void Module::check_name(const std::string& name) const {
    const auto taken = [&name](const auto& named) { return named.first == name; };
    if (name.empty() || name.find('.') != std::string::npos) fail("'{}' cannot name part of a module", name);
    if (std::any_of(parameters_.begin(), parameters_.end(), taken) ||
        std::any_of(buffers_.begin(), buffers_.end(), taken) ||
        std::any_of(children_.begin(), children_.end(), taken)) {
        fail("this module already has a '{}'", name);
    }
}

void Module::share_context(const std::shared_ptr<ForwardContext>& context) {
    context_ = context;
    for (auto& [name, child] : children_) child->share_context(context);
}

void Module::collect(const std::string& prefix, bool buffers, std::vector<NamedParameter>& into) const {
    for (const auto& [name, parameter] : buffers ? buffers_ : parameters_) {
        into.push_back({prefix + name, parameter.get()});
    }
    for (const auto& [name, child] : children_) {
        child->collect(name.empty() ? prefix : prefix + name + ".", buffers, into);
    }
}

void Module::collect_modules(const std::string& path, std::vector<std::pair<std::string, Module*>>& into) {
    into.emplace_back(path, this);
    for (const auto& [name, child] : children_) {
        child->collect_modules(path.empty() || name.empty() ? path + name : path + "." + name, into);
    }
}

}  // namespace camber::nn
