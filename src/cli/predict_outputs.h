#pragma once
#include <camber/class_table.h>
#include <camber/names.h>

#include <filesystem>
#include <string>
#include <vector>

namespace camber::cli {

/// What is written of a picture.
enum class OutputKind { labels, colours, overlay, probabilities, entropy, mask };

/// What the name of a file ends in; of a mask, `mask_begin`, the class's name and .png.
std::string ending_of(OutputKind kind);
inline constexpr const char* mask_begin = "_mask_";

struct Output {
    OutputKind kind;
    std::string name;    ///< as --write has it
    std::string ending;  ///< of its file's name
    int class_id = -1;   ///< of a mask
};

/// Reads "labels,overlay,mask:Road", each once. Throws UsageError for another word, and for a class that there is not.
std::vector<Output> parse_outputs(const std::string& text, const ClassTable& classes);

bool has(const std::vector<Output>& outputs, OutputKind kind);
/// "labels, overlay".
std::string written_names(const std::vector<Output>& outputs);
/// The file of a picture's output, whose name begins with `base`.
std::filesystem::path file_of(const Output& output, const std::filesystem::path& base);

}  // namespace camber::cli

namespace camber {
template <>
inline constexpr std::array enum_names<cli::OutputKind> = {"labels",        "colours", "overlay",
                                                           "probabilities", "entropy", "mask"};
}  // namespace camber
