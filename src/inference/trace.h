#pragma once
#include <camber/module.h>

#include <any>
#include <functional>
#include <vector>

#include "backend/backend.h"

/// A network's forward pass as the primitives that it calls. Whatever is made of layers and operations has one, with
/// nothing written for it.
namespace camber::inference {

/// Where an activation lies. Tensors of a trace on Device::meta stand for activations; others are the network's own and
/// are given back.
using Place = std::function<Tensor(const Tensor&)>;

/// A primitive and its operands.
struct Call {
    const char* name = nullptr;
    std::any operands;                ///< std::tuple of what primitives.def says, by value
    std::vector<Tensor> activations;  ///< among the operands
    std::function<void(Backend&, const Place&)> run;
};

struct Trace {
    Tensor input, output;
    std::vector<Call> calls;
    std::vector<Tensor> parameters;  ///< of the network, as the calls read them
};

/// Runs net.forward() on an input without elements, on this thread; parameters may have theirs, on any device. Throws
/// Error where the network does something that does not come back in a trace: it looks at values, or makes some itself.
Trace trace(nn::Module& net, const Shape& input, Dtype dtype);

}  // namespace camber::inference
