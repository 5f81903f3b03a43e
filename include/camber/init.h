#pragma once
#include <camber/philox.h>
#include <camber/shape.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

/// Initial values of parameters, as Keras (keras/src/initializers/random_initializers.py) and PyTorch (torch/nn/init.py
/// and each layer's reset_parameters) define them: the same distributions, drawn from Philox. They are drawn on the
/// host, so that every device starts from the same numbers.
namespace camber::init {

/// How many inputs reach an output and how many outputs an input reaches.
struct Fans {
    double in = 0, out = 0;
};

/// Fans of a weight [Cout, Kh, Kw, Cin], [Cin, Kh, Kw, Cout] (transposed) or [Cout, Cin]: in = last extent * Kh * Kw,
/// out = first extent * Kh * Kw. Both libraries compute exactly this, for a transposed convolution too, whose stored
/// layout makes "in" the number of output channels: Keras reads [Kh, Kw, Cout, Cin] as [..., in, out]
/// (compute_fans), PyTorch reads [Cin, Cout, Kh, Kw] as [out, in, ...] (_calculate_fan_in_and_fan_out).
/// Throws Error for another rank.
Fans fans(const Shape& weight);

/// Fills `values` (shape.numel() of them) from the draw at `key`.
using Initializer = std::function<void(std::span<float> values, const Shape& shape, const PhiloxKey& key)>;

Initializer constant(float value);
Initializer zeros();
Initializer ones();
/// Uniform in [-bound, bound).
Initializer uniform(double bound);

// Keras. Normal ones are truncated at two standard deviations of the underlying normal and rescaled
// (std / 0.87962566103423978), so that what comes out has the stated standard deviation.
Initializer glorot_uniform();  ///< bound sqrt(6 / (in + out)): Keras's default for convolutions and Dense
Initializer glorot_normal();   ///< standard deviation sqrt(2 / (in + out))
Initializer he_uniform();      ///< bound sqrt(6 / in)
Initializer he_normal();       ///< standard deviation sqrt(2 / in)
Initializer lecun_normal();    ///< standard deviation sqrt(1 / in)

// PyTorch. Normal ones are not truncated.
/// kaiming_uniform_(a): bound sqrt(6 / ((1 + a^2) in)). a = sqrt(5) is the default of Conv2d, ConvTranspose2d and
/// Linear.
Initializer kaiming_uniform(double a);
/// kaiming_normal_(mode='fan_out', nonlinearity='relu'): standard deviation sqrt(2 / out). torchvision's ResNets.
Initializer kaiming_normal_fan_out();
Initializer xavier_uniform();  ///< the same as glorot_uniform()
Initializer xavier_normal();   ///< standard deviation sqrt(2 / (in + out))
/// PyTorch's default bias of a layer with this weight: uniform with bound 1 / sqrt(in).
Initializer pytorch_bias(const Shape& weight);

/// A weight initialiser by name: one of names(). Throws UsageError listing them for any other.
Initializer by_name(const std::string& name);
const std::vector<std::string>& names();

}  // namespace camber::init
