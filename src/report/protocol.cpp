#include "report/protocol.h"

#include <fmt/format.h>

namespace camber::report {
namespace {

using nlohmann::json;

/// [[360, 480], [720, 960]]: "360x480, 720x960".
std::string sizes_text(const json& sizes, const char* between) {
    std::string text;
    for (const json& size : sizes)
        text += fmt::format("{}{}x{}", text.empty() ? "" : between, size.at(0).get<int>(), size.at(1).get<int>());
    return text;
}

std::string split_text(const json& split) {
    return fmt::format("{} of {}, {} frame{}, fingerprint {}", split.at("split").get<std::string>(),
                       split.at("data").get<std::string>(), split.at("frames").get<int>(),
                       split.at("frames") == 1 ? "" : "s", split.at("fingerprint").get<std::string>());
}

/// Of "flip, scales 0.75, 1", either of the two, or null.
std::string augmentation_text(const json& said) {
    if (said.is_null()) return "none";
    const auto text = said.get<std::string>();
    const std::size_t scales = text.find("scales ");
    if (scales == std::string::npos) return "the mean of a frame and of its mirror image";
    return "the mean over " + text.substr(scales) + (scales > 0 ? ", each with its mirror image" : "");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> protocol_lines(const json& protocol) {
    if (!protocol.is_object()) return {};
    std::vector<std::pair<std::string, std::string>> lines;
    const json &judged = protocol.at("judged_on"), &trained = protocol.at("trained_on"),
               &pretraining = protocol.at("pretraining"), &classes = protocol.at("classes"),
               &nothing = protocol.at("void");
    lines.emplace_back("Judged on",
                       judged.is_null() ? "nothing: the data has no validation split" : split_text(judged));
    lines.emplace_back("Trained on", trained.is_null() ? "not known: the weights were imported" : split_text(trained));
    lines.emplace_back("Pretraining", pretraining.is_null()
                                          ? "none: random weights"
                                          : fmt::format("{} of {}", pretraining.at("part").get<std::string>(),
                                                        pretraining.at("file").get<std::string>()));
    const json overlap = protocol.value("tile_overlap", json());
    const std::string inputs = sizes_text(protocol.at("input_sizes"), ", then ");
    lines.emplace_back("Network's input",
                       !overlap.is_null()
                           ? fmt::format("tiles of {} (height x width) that overlap by {:.0f}% at least, "
                                         "frames at their own size",
                                         inputs, 100 * overlap.get<double>())
                       : inputs.empty() ? "frames at their own size, whole"
                                        : inputs + " (height x width), frames resized to it");
    const bool resized = overlap.is_null() && !inputs.empty();
    if (!judged.is_null() && !resized) {
        lines.emplace_back("Judged at", "the frames' own size");
    } else if (!judged.is_null()) {
        const std::string sizes = sizes_text(protocol.at("label_sizes"), ", ");
        lines.emplace_back("Judged at", fmt::format("the label maps' own size, {}{}: logits are resized (bilinear), "
                                                    "then the largest is taken",
                                                    sizes, protocol.at("more_label_sizes") == true ? ", ..." : ""));
    }
    lines.emplace_back("Test-time augmentation", augmentation_text(protocol.at("test_time_augmentation")));
    lines.emplace_back("Classes",
                       fmt::format("{}, {}", classes.at("count").get<int>(), classes.at("table").get<std::string>()));
    lines.emplace_back("Void", fmt::format("pixels labelled {} ({}) are {}", nothing.at("name").get<std::string>(),
                                           nothing.at("id").get<int>(),
                                           nothing.value("judged", false) ? "a class as the others"
                                           : nothing.at("learnt") == true ? "not counted, though learnt"
                                                                          : "not counted"));
    lines.emplace_back("Means",
                       "of one confusion matrix over all frames, over the classes that occur in truth or prediction");
    return lines;
}

std::vector<std::string> protocol_differences(const json& a, const json& b) {
    if (!a.is_object() || !b.is_object()) return {};
    std::vector<std::string> differences;
    const auto compare = [&](const char* pointer, const char* what) {
        const json::json_pointer at(pointer);
        if (a.contains(at) != b.contains(at) || (a.contains(at) && a.at(at) != b.at(at)))
            differences.emplace_back(what);
    };
    compare("/judged_on/fingerprint", "the frames or label maps that they are judged on");
    compare("/judged_on/split", "the split");
    compare("/classes", "the classes");
    compare("/void", "what is void");
    compare("/input_sizes", "the size of the network's input");
    compare("/tile_overlap", "the overlap of tiles");
    compare("/trained_on/fingerprint", "the training set");
    compare("/pretraining/file", "the pretraining");
    return differences;
}

}  // namespace camber::report
