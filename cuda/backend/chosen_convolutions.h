#pragma once
#include <string>

#include "cuda/kernels/conv.h"

namespace camber::CAMBER_GPU {

/// Runs `call` on what convolution_settings() asks for and this build and machine have. Throws Error where a library
/// was asked for and cannot be used.
void convolve(const ConvCall& call);
/// For `camber info`: whose convolutions run, and why a library's do not.
std::string describe_convolutions();

}  // namespace camber::CAMBER_GPU
