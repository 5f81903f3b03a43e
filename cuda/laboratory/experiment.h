#pragma once
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"

/// The kernel laboratory: kernels of cuda/kernels from naive to shipped. An experiment is a folder beside this file:
/// experiment.cpp says what is computed, NUMBER_NAME.cu is a version each, and the last version is the backend's own
/// code. docs/kernels/README.md shows how to add one.
namespace camber::laboratory {

using Tensors = std::vector<Tensor>;

struct Operand {
    std::string name;
    Shape shape;
    Dtype dtype = Dtype::bf16;
    float low = -1, high = 1;  ///< of its values; u8: ids below `high`
};

/// An experiment at a shape.
struct Problem {
    std::vector<Operand> in, out;
    /// Calls the primitive: on the reference device in f64 what is expected, on others the last version. Outputs come
    /// filled with threes.
    std::function<void(Backend&, const Tensors& in, const Tensors& out)> primitive;
    double tolerance = 1e-2;    ///< of max |error| / max |expected|, for every output
    std::int64_t bytes = 0;     ///< that must be moved at least
    double operations = 0;      ///< additions and multiplications, where they can be the limit
    bool tensor_cores = false;  ///< could do them
};

struct Experiment {
    std::string name;
    std::string what;                          ///< in a line
    std::string shipped;                       ///< what the last version is, in a few words
    std::string axes;                          ///< of the shape: "N,H,W,C"
    std::vector<std::int64_t> counted, timed;  ///< the shapes for it
    std::function<Problem(const std::vector<std::int64_t>& shape)> make;
};

/// A version but the last.
struct Version {
    Device device;
    std::string experiment;
    int number;
    std::string what;  ///< in a few words
    std::function<void(const Tensors& in, const Tensors& out)> run;
};

/// A constant of one of these kinds in a file is all that registers it.
struct Register {
    explicit Register(Experiment experiment);
    explicit Register(Version version);
};

/// By name.
std::vector<const Experiment*> experiments();
/// Throws UsageError, naming the nearest one, where there is none.
const Experiment& find_experiment(const std::string& name);
/// By number, without the last.
std::vector<const Version*> versions(const Experiment& experiment, Device device);

/// Bytes of all of them together.
std::int64_t bytes_of(const std::vector<Operand>& operands);

}  // namespace camber::laboratory
