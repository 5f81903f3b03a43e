#include "backend/convolution_settings.h"

#include <camber/error.h>

#include <cstdlib>

namespace camber {
namespace {

bool flag(const char* variable, bool otherwise) {
    const char* const value = std::getenv(variable);
    if (!value || !*value) return otherwise;
    const std::string text = value;
    if (text != "0" && text != "1") fail_usage("{}={}: it takes 0 or 1", variable, text);
    return text == "1";
}

ConvolutionSettings& settings() {
    static ConvolutionSettings current = [] {
        ConvolutionSettings from_environment;
        if (const char* const value = std::getenv("CAMBER_CONV"); value && *value)
            from_environment.choice = parse_convolution_choice(value);
        from_environment.tf32 = flag("CAMBER_TF32", from_environment.tf32);
        from_environment.deterministic = flag("CAMBER_DETERMINISTIC", from_environment.deterministic);
        return from_environment;
    }();
    return current;
}

bool& verbosity() {
    static bool current = flag("CAMBER_VERBOSE", false);
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
