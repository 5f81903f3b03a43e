#pragma once
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "support/random.h"

/// Calls of primitives of the backend contract. The same case is compared between devices and dtypes at small and odd
/// shapes (check()) and, at a network's size, timed (bench/kernels). FAMILY_cases.h make them, cases.h has the list.
namespace camber::testing {

/// What an element is: decides its dtype from that of the activations.
enum class Kind { activation, parameter, f64, i32, u8 };

struct Input {
    Shape shape;
    Kind kind;
    std::function<Tensor()> values;  ///< f64 (or u8, i32 as they are) on Device::reference
    /// A timing fills activations and parameters with numbers of this range, and labels with ids below `classes`.
    float low = -1, high = 1;
    int classes = 0;
};

struct Output {
    std::string name;
    Shape shape;
    Kind kind = Kind::activation;
};

using Tensors = std::vector<Tensor>;

struct PrimitiveCase {
    using Run = std::function<void(Backend&, const Tensors& in, const Tensors& out)>;

    std::string primitive;  ///< its name in the contract
    std::string what;       ///< for people
    std::vector<Input> inputs = {};
    std::vector<Output> outputs = {};
    /// Before each comparison, and once before a timing; may be empty. Outputs come filled with values that must not
    /// survive.
    Run prepare = {};
    Run run = {};                 ///< calls the primitive, and no other
    double f32_tolerance = 1e-5;  ///< of max |error| / max |expected|, for every output
    double bf16_tolerance = 1e-2;
    double operations = 0;  ///< additions and multiplications, where arithmetic is the limit

    std::string name() const { return what.empty() ? primitive : primitive + ", " + what; }
};
using Cases = std::vector<PrimitiveCase>;

inline Dtype dtype_of_kind(Kind kind, Dtype activation) {
    switch (kind) {
        case Kind::activation:
            return activation;
        case Kind::parameter:
            return parameter_dtype(activation);
        case Kind::f64:
            return Dtype::f64;
        case Kind::i32:
            return Dtype::i32;
        case Kind::u8:
            break;
    }
    return Dtype::u8;
}

/// Runs the cases on every device but the reference in f32 and bf16 and checks: results against f64 on the reference
/// device, nothing written outside the outputs, the same bits when run again, on the CPU with any number of threads, no
/// request to the system after the first run, and that the primitive is what runs.
void check(const Cases& cases);
inline void check(const PrimitiveCase& one) { check(Cases{one}); }

inline Input activation(const Shape& shape, std::uint64_t seed, float low = -1, float high = 1) {
    return {shape, Kind::activation, [=] { return uniform(shape, seed, low, high); }, low, high};
}
inline Input parameter(const Shape& shape, std::uint64_t seed, float low = -1, float high = 1) {
    return {shape, Kind::parameter, [=] { return uniform(shape, seed, low, high); }, low, high};
}
/// With values that a test wants as they are; made by values(shape, ...).
template <class Values, class... Arguments>
Input activation_of(Values values, const Shape& shape, Arguments... arguments) {
    return {shape, Kind::activation, [=] { return values(shape, arguments...); }};
}
inline Input labels(const Shape& shape, std::int64_t classes, std::uint64_t seed, int ignore_index = -1) {
    const auto count = static_cast<int>(classes);
    return {.shape = shape,
            .kind = Kind::u8,
            .values = [=] { return random_labels(shape, count, seed, ignore_index); },
            .classes = count};
}
/// A tensor as it is.
inline Input given(const Tensor& tensor, Kind kind) {
    return {tensor.shape(), kind, [=] { return tensor; }};
}
/// Plain data that a device reads: u8 [sizeof items].
template <class T>
Input given(const std::vector<T>& items) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(items.data());
    const std::vector<std::uint8_t> copy(bytes, bytes + items.size() * sizeof(T));
    return given(Tensor::from(copy, {static_cast<std::int64_t>(copy.size())}, Device::reference), Kind::u8);
}

}  // namespace camber::testing
