#pragma once
#include <camber/train.h>

#include <filesystem>
#include <string>
#include <vector>

namespace camber::cli {

/// What is written of a picture.
enum class Output { labels, colours, overlay, probabilities, entropy };

}  // namespace camber::cli

namespace camber {
template <>
inline constexpr std::array enum_names<cli::Output> = {"labels", "colours", "overlay", "probabilities", "entropy"};
}  // namespace camber

namespace camber::cli {

/// What the name of an output's file ends in.
const char* ending_of(Output output);

/// Reads "labels,overlay". Throws UsageError for another name.
std::vector<Output> parse_outputs(const std::string& text);

/// The files of a picture's outputs, whose names begin with `base`.
std::vector<std::filesystem::path> output_files(const std::vector<Output>& outputs, const std::filesystem::path& base);

/// What was computed of a picture and is not written yet.
struct Predicted {
    Image picture, labels;
    std::vector<float> entropy;  ///< of each pixel, in nats; empty unless wanted
    std::filesystem::path base;
};

/// Judges a picture. Probabilities, which may be many, are written on the way.
Predicted predict_picture(Model& model, Image picture, const std::vector<Output>& outputs,
                          const std::filesystem::path& base);

/// Writes the rest. Throws Error.
void write_outputs(const Predicted& predicted, const std::vector<Output>& outputs, const ClassTable& classes,
                   float alpha);

/// Shares of the classes among a picture's pixels, in the order of the classes.
std::vector<double> class_shares(const Image& labels, const ClassTable& classes);

}  // namespace camber::cli
