#pragma once
#include <camber/autograd.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>

#include "inference/network.h"
#include "support/compare.h"
#include "support/random.h"

namespace camber::testing {

/// A network in evaluation whose batch normalisations have seen something, as after training.
struct Evaluated {
    std::unique_ptr<nets::Net> net;
    nn::ParameterBuffer parameters;

    explicit Evaluated(const std::string& name, const nlohmann::json& options = {{"width", 16}, {"classes", 5}},
                       Device device = Device::cpu)
        : net(nets::make_net(name, options)), parameters(*net, {.device = device, .gradients = false}) {
        net->eval();
        std::uint64_t seed = 1;
        for (const auto& [path, parameter] : net->named_parameters())
            if (parameter->tensor.shape().rank() == 1)
                fill(parameter->tensor, ++seed, path.ends_with("weight") ? 0.7f : -0.2f,
                     path.ends_with("weight") ? 1.3f : 0.2f);
        for (const auto& [path, buffer] : net->named_buffers())
            fill(buffer->tensor, ++seed, path.ends_with("var") ? 0.6f : -0.3f, path.ends_with("var") ? 1.6f : 0.3f);
        parameters.mark_changed();
    }

    static void fill(const Tensor& tensor, std::uint64_t seed, float low, float high) {
        tensor.copy_from(converted(uniform(tensor.shape(), seed, low, high), tensor.dtype(), Device::cpu));
    }
    Tensor input(std::int64_t batch, std::int64_t height, std::int64_t width, Dtype dtype = Dtype::f32) const {
        const Device device = parameters.values().device();
        return converted(uniform({batch, height, width, net->in_channels()}, 7), dtype, device);
    }
    /// By the layers, one after the other.
    Tensor logits(const Tensor& x) const {
        const NoGrad no_grad;
        return net->forward(x);
    }
};

}  // namespace camber::testing
