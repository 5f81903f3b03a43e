#pragma once
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"

/// One primitive of the backend contract on some inputs, compared between a device and f64 on the reference device.
namespace camber::testing {

/// What an element is: decides its dtype from that of the activations.
enum class Kind { activation, parameter, f64, i32, u8 };

struct Input {
    Tensor values;  ///< f64 (or u8, i32 as they are) on Device::reference
    Kind kind = Kind::activation;
};

struct Output {
    std::string name;
    Shape shape;
    Kind kind = Kind::activation;
};

using Tensors = std::vector<Tensor>;

struct Primitive {
    std::string name;
    std::vector<Input> inputs;
    std::vector<Output> outputs;
    /// Calls the primitive. Outputs come filled with values that must not survive.
    std::function<void(Backend&, const Tensors& in, const Tensors& out)> run;
    double f32_tolerance = 1e-5;  ///< of max |error| / max |expected|, for every output
    double bf16_tolerance = 1e-2;
};

/// Runs `primitive` on every device but the reference in f32 and bf16 and checks: results, nothing written outside the
/// outputs, the same bits when run again, and no request to the system after the first run.
void check(const Primitive& primitive);

inline Input activation(Tensor values) { return {std::move(values), Kind::activation}; }
inline Input parameter(Tensor values) { return {std::move(values), Kind::parameter}; }

}  // namespace camber::testing
