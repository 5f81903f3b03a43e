#pragma once
#include <string>

namespace camber {

/// Whose convolutions the device 'cuda' runs.
enum class ConvolutionChoice {
    automatic,  ///< for every shape the fastest of all, by measurement
    own,        ///< Camber's kernels
    cudnn,      ///< cuDNN's wherever it has one
    cublas,     ///< cuBLAS's matrix products wherever they compute the convolution
};

const char* name(ConvolutionChoice choice);
/// The inverse of name(), where automatic is "auto"; throws UsageError for any other text.
ConvolutionChoice parse_convolution_choice(const std::string& text);

struct ConvolutionSettings {
    ConvolutionChoice choice = ConvolutionChoice::automatic;
    bool tf32 = false;          ///< cuDNN and cuBLAS may round f32 to TF32's 11 bits for tensor cores
    bool deterministic = true;  ///< cuDNN's engines give the same bits every time
    bool operator==(const ConvolutionSettings&) const = default;
};

/// As last set; at first what CAMBER_CONV (auto, own, cudnn, cublas), CAMBER_TF32 and CAMBER_DETERMINISTIC (0, 1) ask
/// for. Throws UsageError where they cannot be read.
const ConvolutionSettings& convolution_settings();
/// Takes effect from the next convolution on. Not while another thread computes.
void set_convolution_settings(const ConvolutionSettings& settings);

/// Whether it is printed which convolution serves which shape and why: as last set, at first CAMBER_VERBOSE (0, 1).
bool verbose();
void set_verbose(bool wanted);

}  // namespace camber
