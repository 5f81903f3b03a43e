#include "cuda/backend/chosen_convolutions.h"

#include <camber/error.h>

#include <memory>
#include <mutex>

#include "backend/convolution_settings.h"
#include "cuda/convolutions/measured_convolutions.h"
#include "cuda/runtime/runtime.h"
#if defined(CAMBER_WITH_CUBLAS)
#include "cuda/cublas/cublas_convolutions.h"
#endif
#if defined(CAMBER_WITH_CUDNN)
#include "cuda/cudnn/cudnn_convolutions.h"
#endif

namespace camber::CAMBER_GPU {
namespace {

/// Whose convolutions run under the settings of `made_for`.
struct Chosen {
    std::unique_ptr<MeasuredConvolutions> measured;  ///< null: Camber's
    std::string text;                                ///< for people
    ConvolutionSettings made_for;
    bool made = false;
    std::mutex mutex;
};

#if defined(CAMBER_EMULATED)

void find_libraries(Chosen& chosen) { chosen.text = "Camber's convolutions"; }

#else

/// A library as far as it was found.
struct Found {
    std::unique_ptr<ConvLibrary> library;
    std::string version, path;
    std::string why;          ///< not
    std::string device_text;  ///< the library's description of the GPU; may be empty
};

[[maybe_unused]] Found find_cudnn(const ConvolutionSettings& settings) {
    Found found;
    found.why = "built without cuDNN";
#if defined(CAMBER_WITH_CUDNN)
    const cudnn::Api* const api = cudnn::find_api(&found.why);
    if (!api) return found;
    try {
        found.library = std::make_unique<CudnnConvolutions>(*api, settings);
        found.version = libraries::version_text(api->version);
        found.path = api->path;
        found.device_text = cudnn::describe_device(*api, device_number());
    } catch (const Error& error) {
        found.why = error.what();
    }
#endif
    return found;
}

[[maybe_unused]] Found find_cublas(const ConvolutionSettings& settings) {
    Found found;
    found.why = "built without cuBLAS";
#if defined(CAMBER_WITH_CUBLAS)
    const cublas::Api* const api = cublas::find_api(&found.why);
    if (!api) return found;
    try {
        found.library = std::make_unique<CublasConvolutions>(*api, settings);
        found.version = libraries::version_text(api->version);
        found.path = api->path;
    } catch (const Error& error) {
        found.why = error.what();
    }
#endif
    return found;
}

void find_libraries(Chosen& chosen) {
    const ConvolutionSettings& settings = chosen.made_for;
    const ConvolutionChoice choice = settings.choice;
    if (choice == ConvolutionChoice::own) {
        chosen.text = "Camber's convolutions, as asked for";
        return;
    }
    struct Candidate {
        const char *title, *name;
        ConvolutionChoice asked_for;
        Found (*find)(const ConvolutionSettings&);
    };
    constexpr Candidate candidates[] = {{"cuDNN", "cudnn", ConvolutionChoice::cudnn, find_cudnn},
                                        {"cuBLAS", "cublas", ConvolutionChoice::cublas, find_cublas}};
    std::vector<std::unique_ptr<ConvLibrary>> found_libraries;
    std::string versions, used, missing, device_text;
    for (const Candidate& candidate : candidates) {
        if (choice != ConvolutionChoice::automatic && choice != candidate.asked_for) continue;
        Found found = candidate.find(settings);
        if (found.library) {
            versions += fmt::format("{}{}-{}", versions.empty() ? "" : "-", candidate.name, found.version);
            used += fmt::format("{}{} {} ({})", used.empty() ? "" : ", ", candidate.title, found.version, found.path);
            if (!found.device_text.empty()) device_text = found.device_text;
            found_libraries.push_back(std::move(found.library));
        } else if (choice == candidate.asked_for) {
            fail("{}'s convolutions were asked for, but cannot be used: {}", candidate.title, found.why);
        } else {
            missing += "; " + found.why;
        }
    }
    if (found_libraries.empty()) {
        chosen.text = "Camber's convolutions: " + missing.substr(2);
        return;
    }
    const DeviceProperties& device = device_properties();
    ChoiceCache cache(choice_folder(
        fmt::format("{}-sm{}{}-{}", device.name, device.compute_major, device.compute_minor, device.multiprocessors),
        versions));
    // So that plans for this GPU can be looked at where there is none.
    if (!device_text.empty()) cache.keep_once("device.json", device_text);
    const auto report = [](const std::string& text) {
        if (verbose()) fmt::print(stderr, "{}\n", text);
    };
    chosen.measured =
        std::make_unique<MeasuredConvolutions>(std::move(found_libraries), settings, std::move(cache), report);
    chosen.text =
        fmt::format("convolutions: {}{}{}", used,
                    choice == ConvolutionChoice::automatic ? " or Camber's, whichever is fastest" : "", missing);
}

#endif

Chosen& chosen() {
    static auto* const state = new Chosen;  // never destroyed, as the device's memory
    const std::lock_guard lock(state->mutex);
    if (!state->made || state->made_for != convolution_settings()) {
        state->measured = nullptr;
        state->made = false;
        state->made_for = convolution_settings();
        find_libraries(*state);
        state->made = true;
    }
    return *state;
}

}  // namespace

void convolve(const ConvCall& call) {
    Chosen& found = chosen();
    found.measured ? found.measured->run(call) : own_convolution(call);
}

std::string describe_convolutions() {
    try {
        return chosen().text;
    } catch (const Error& error) {
        return error.what();
    }
}

}  // namespace camber::CAMBER_GPU
