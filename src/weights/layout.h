#pragma once
#include <camber/shape.h>
#include <camber/weights.h>

#include <cstdint>
#include <span>
#include <vector>

/// Who lays weights out how; the table is in import.h.
namespace camber {

enum class Convention { camber, pytorch, keras };

/// What a parameter is to its layer.
enum class Role {
    other,  ///< biases, batch normalisation: the same everywhere
    conv,
    conv_transpose,
    linear,
    linear_after_flatten,  ///< of pixels x channels
};

/// Elements [batch][rows][cols] become [batch][cols][rows]. Every conversion between the conventions is one such.
struct Transposition {
    std::int64_t batch = 1, rows = 1, cols = 1;
    bool identity() const { return rows == 1 || cols == 1; }
    Transposition inverse() const { return {batch, cols, rows}; }
};

/// A parameter of ours as a convention lays it out.
struct Layout {
    std::vector<std::int64_t> shape;  ///< in the convention
    Transposition to_camber;
};

/// `ours` is our shape; `pixels` the height times the width that were flattened, for that role. A shape of another rank
/// than the role's has the same layout everywhere.
Layout layout_of(Role role, const Shape& ours, Convention convention, std::int64_t pixels = 1);

void transpose(const Transposition& transposition, const float* from, float* to);

/// A tensor of a file to be read.
struct Reading {
    const WeightEntry* entry;
    Transposition transposition;
    float* to;
};

/// Reads tensors of the file through their transpositions, on every core, in pieces, so that nothing of their size is
/// needed beside `to`. Throws Error naming the first tensor with a NaN or an infinity that it comes upon.
void read_transposed(const WeightFile& file, std::span<const Reading> readings);

}  // namespace camber
