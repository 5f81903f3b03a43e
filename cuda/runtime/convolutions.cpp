#include "cuda/kernels/convolutions.h"

#include <camber/error.h>

#include <memory>
#include <mutex>

#include "backend/convolution_settings.h"
#include "cuda/kernels/gpu_backend.h"
#if defined(CAMBER_WITH_CUDNN) && !defined(CAMBER_EMULATED)
#include "cuda/cudnn/cudnn_convolutions.h"
#endif

namespace camber::CAMBER_GPU {
namespace {

/// Whose convolutions run under the settings of `made_for`.
struct Chosen {
    OwnConvolutions own;
    std::unique_ptr<Convolutions> library;  ///< null: `own`
    std::string text;                       ///< for people
    ConvolutionSettings made_for;
    bool made = false;
    std::mutex mutex;
};

#if defined(CAMBER_EMULATED)

void make_library(Chosen& chosen) { chosen.text = "Camber's convolutions"; }

#else

void make_library(Chosen& chosen) {
    const ConvolutionSettings& settings = chosen.made_for;
    if (settings.choice == ConvolutionChoice::own) {
        chosen.text = "Camber's convolutions, as asked for";
        return;
    }
    std::string why = "built without cuDNN";
#if defined(CAMBER_WITH_CUDNN)
    if (const cudnn::Api* const api = cudnn::find_api(&why)) {
        try {
            chosen.library = std::make_unique<CudnnConvolutions>(*api, chosen.own, settings);
            chosen.text = fmt::format(
                "cuDNN {}{} ({})", cudnn::version_text(api->version),
                settings.choice == ConvolutionChoice::automatic ? " or Camber's convolutions, whichever is faster" : "",
                api->path);
            return;
        } catch (const Error& error) {
            why = error.what();
        }
    }
#endif
    if (settings.choice == ConvolutionChoice::cudnn)
        fail("cuDNN's convolutions were asked for, but cannot be used: {}", why);
    chosen.text = "Camber's convolutions: " + why;
}

#endif

Chosen& chosen() {
    static auto* const state = new Chosen;  // never destroyed, as the device's memory
    const std::lock_guard lock(state->mutex);
    if (!state->made || state->made_for != convolution_settings()) {
        state->library = nullptr;
        state->made = false;
        state->made_for = convolution_settings();
        make_library(*state);
        state->made = true;
    }
    return *state;
}

}  // namespace

Convolutions& convolutions() {
    Chosen& found = chosen();
    return found.library ? *found.library : found.own;
}

std::string describe_convolutions() {
    try {
        return chosen().text;
    } catch (const Error& error) {
        return error.what();
    }
}

void GpuBackend::conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) {
    convolutions().conv2d(x, w, bias, y, p);
}
void GpuBackend::conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx, const Conv2dParams& p) {
    convolutions().conv2d_backward_data(dy, w, dx, p);
}
void GpuBackend::conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                        const Conv2dParams& p) {
    convolutions().conv2d_backward_filter(x, dy, dw, db, p);
}
void GpuBackend::conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                                  const ConvTranspose2dParams& p) {
    convolutions().conv_transpose2d(x, w, bias, y, p);
}
void GpuBackend::conv_transpose2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                                const ConvTranspose2dParams& p) {
    convolutions().conv_transpose2d_backward_data(dy, w, dx, p);
}
void GpuBackend::conv_transpose2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                                  const ConvTranspose2dParams& p) {
    convolutions().conv_transpose2d_backward_filter(x, dy, dw, db, p);
}

}  // namespace camber::CAMBER_GPU
