#include "backend/convolution_settings.h"

#include <camber/error.h>

#include "core/environment.h"

namespace camber {
namespace {

ConvolutionSettings& settings() {
    static ConvolutionSettings current = [] {
        ConvolutionSettings from_environment;
        if (const std::string text = environment_text("CAMBER_CONV"); !text.empty())
            from_environment.choice = parse_convolution_choice(text);
        from_environment.tf32 = environment_flag("CAMBER_TF32", from_environment.tf32);
        from_environment.deterministic = environment_flag("CAMBER_DETERMINISTIC", from_environment.deterministic);
        return from_environment;
    }();
    return current;
}

bool& verbosity() {
    static bool current = environment_flag("CAMBER_VERBOSE", false);
    return current;
}

}  // namespace

const char* name(ConvolutionChoice choice) {
    switch (choice) {
        case ConvolutionChoice::automatic:
            return "auto";
        case ConvolutionChoice::own:
            return "own";
        case ConvolutionChoice::cudnn:
            return "cudnn";
        case ConvolutionChoice::cublas:
            return "cublas";
    }
    return "?";
}

ConvolutionChoice parse_convolution_choice(const std::string& text) {
    for (const auto choice :
         {ConvolutionChoice::automatic, ConvolutionChoice::own, ConvolutionChoice::cudnn, ConvolutionChoice::cublas})
        if (text == name(choice)) return choice;
    fail_usage("convolutions cannot be '{}': auto, own, cudnn or cublas", text);
}

const ConvolutionSettings& convolution_settings() { return settings(); }
void set_convolution_settings(const ConvolutionSettings& wanted) { settings() = wanted; }

bool verbose() { return verbosity(); }
void set_verbose(bool wanted) { verbosity() = wanted; }

}  // namespace camber
