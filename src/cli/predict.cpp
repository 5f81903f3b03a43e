#include <camber/train.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/commands.h"
#include "cli/inference_options.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/predict_inputs.h"
#include "cli/predict_outputs.h"
#include "cli/predict_stream.h"
#include "cli/predict_video.h"
#include "cli/predicting.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

/// "2/8": the second of eight parts.
struct Part {
    std::size_t number = 1, count = 1;
};

Part parse_part(const std::string& text) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    std::int64_t number = 0, count = 0;
    if (slash == text.size() || !read_number(text.substr(slash + 1), at_least(1), count).empty() ||
        !read_number(text.substr(0, slash), at_least(1), number).empty() || number > count)
        fail_usage("--part must be a part and of how many, as 2/8, not '{}'", text);
    return {static_cast<std::size_t>(number), static_cast<std::size_t>(count)};
}

std::vector<const Picture*> part_of(const Listing& listing, const std::string& text) {
    const Part part = text.empty() ? Part() : parse_part(text);
    std::vector<const Picture*> pictures;
    for (std::size_t i = part.number - 1; i < listing.pictures.size(); i += part.count)
        pictures.push_back(&listing.pictures[i]);
    return pictures;
}

constexpr const char* default_outputs = "labels,colours,overlay";

struct Arguments {
    std::string checkpoint, out, device, dtype, split, write, part, shares, stream, rate;
    InferenceFlags inference;
    std::vector<std::string> inputs;
    float alpha = 0.5f;
    bool goes_on = false;
};

std::vector<Output> frame_outputs(const Arguments& a, const Model& model) {
    return parse_outputs(a.write.empty() ? "overlay" : a.write, model.classes);
}

/// What becomes of each frame of a stream or a video.
Painting painting_of(const Arguments& a, const Model& model, OutputKind first) {
    const std::vector<Output> outputs = frame_outputs(a, model);
    if (outputs.size() != 1 || outputs[0].kind < first || outputs[0].kind > OutputKind::overlay)
        fail_usage("--write {}: of frames it is one of {}colours or overlay", a.write,
                   first == OutputKind::labels ? "labels, " : "");
    return {outputs[0].kind, a.alpha};
}

/// Refuses what is of files when frames are painted.
void refuse_of_files(const Arguments& a, const char* with) {
    const std::pair<const char*, bool> of_files[] = {
        {"--part", !a.part.empty()}, {"--shares", !a.shares.empty()}, {"--continue", a.goes_on}};
    for (const auto& [what, given] : of_files)
        if (given) fail_usage("{} has no effect with {}", what, with);
}

int run_stream(const Arguments& a) {
    const std::pair<const char*, bool> of_files[] = {{"--out", !a.out.empty()},
                                                     {"--split", !a.split.empty()},
                                                     {"--fps", !a.rate.empty()},
                                                     {"a picture", !a.inputs.empty()}};
    for (const auto& [what, given] : of_files)
        if (given) fail_usage("{} has no effect with --stdin", what);
    refuse_of_files(a, "--stdin");
    const auto [height, width] = parse_size(a.stream);
    Model model = load_model(a.checkpoint, a.device, a.dtype);
    const Painting painting = painting_of(a, model, OutputKind::labels);
    a.inference.set(model);
    const std::atomic<bool>& stop = interruption();
    const std::size_t frames = predict_stream(model, height, width, painting, stop);
    if (stop) return interrupted_exit;
    if (frames == 0) fail("standard input holds no frame");
    return 0;
}

void refuse_split(const Arguments& a) {
    if (!a.split.empty()) fail_usage("--split {} is of folders that are datasets; {} is a video", a.split, a.inputs[0]);
}

/// "25" or "30000/1001".
Fraction parse_rate(const std::string& text) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    constexpr double most = 65535;
    std::int64_t numerator = 0, denominator = 1;
    if (!read_number(text.substr(0, slash), from_to(1, most), numerator).empty() ||
        (slash < text.size() && !read_number(text.substr(slash + 1), from_to(1, most), denominator).empty()))
        fail_usage("--fps must be frames a second, as 25 or 30000/1001, not '{}'", text);
    return {static_cast<int>(numerator), static_cast<int>(denominator)};
}

std::string counted(std::size_t count, const char* what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// Of videos whose frames' results would be.
void refuse_one_name(const std::vector<std::string>& videos) {
    std::map<fs::path, std::string> stems;
    for (const std::string& video : videos)
        if (const auto [same, added] = stems.emplace(fs::path(video).stem(), video); !added)
            fail_usage("{} and {} would have results of one name", same->second, video);
}

Listing listing_of(const Arguments& a, const std::vector<std::string>& inputs, const std::vector<Output>& outputs,
                   const Model& model) {
    return list_pictures(inputs, a.out, outputs, a.split,
                         [&](const std::string& folder) { return folder_options(model, folder); });
}

int run_to_video(const Arguments& a) {
    refuse_of_files(a, "a video as --out");
    const bool from_video = a.inputs.size() == 1 && is_video(a.inputs[0]);
    if (!from_video && std::any_of(a.inputs.begin(), a.inputs.end(), [](const fs::path& in) { return is_video(in); }))
        fail_usage("--out {}: a video is made of one other, or of pictures", a.out);
    if (from_video && !a.rate.empty()) fail_usage("--fps has no effect: {} has its own", a.inputs[0]);
    if (from_video) refuse_split(a);
    Model model = load_model(a.checkpoint, a.device, a.dtype);
    const Painting painting = painting_of(a, model, OutputKind::colours);
    a.inference.set(model);
    const std::atomic<bool>& stop = interruption();
    ProgressLine line;
    std::size_t frames = 0;
    if (from_video) {
        frames = video_to_video(model, a.inputs[0], a.out, painting, line, stop);
    } else {
        const Listing listing = listing_of(a, a.inputs, frame_outputs(a, model), model);
        if (!listing.faults.empty()) fail("{}", listing.faults.front());
        const Fraction rate = a.rate.empty() ? VideoFormat().rate : parse_rate(a.rate);
        frames = pictures_to_video(model, part_of(listing, ""), a.out, rate, painting, line, stop);
    }
    if (stop) return interrupted_exit;
    line.print(fmt::format("{}: {} written to {}", counted(frames, "frame"), name(painting.kind), a.out));
    return 0;
}

int run_predict(const Arguments& a) {
    if (!a.stream.empty()) return run_stream(a);
    if (a.inputs.empty()) fail_usage("nothing to predict: name pictures, folders or datasets, or give --stdin");
    if (a.out.empty()) fail_usage("--out is missing: the folder for the results, or a video");
    if (is_video(a.out)) return run_to_video(a);
    if (!a.rate.empty()) fail_usage("--fps has no effect but with pictures for a video as --out");
    std::vector<std::string> videos, others;
    for (const std::string& input : a.inputs) (is_video(input) ? videos : others).push_back(input);
    if (!videos.empty() && !a.part.empty()) fail_usage("--part is of pictures; {} is a video", videos[0]);
    Model model = load_model(a.checkpoint, a.device, a.dtype);
    const std::vector<Output> outputs = parse_outputs(a.write.empty() ? default_outputs : a.write, model.classes);
    Listing listing;
    if (others.empty())
        refuse_split(a);
    else
        listing = listing_of(a, others, outputs, model);
    refuse_one_name(videos);
    a.inference.set(model);
    const std::vector<const Picture*> wanted = part_of(listing, a.part);
    Predicting predicting(model, {a.out, outputs, a.alpha, a.goes_on, a.shares});
    for (const std::string& fault : listing.faults) report(fault, 1);
    if (listing.pictures.empty() && videos.empty()) return 1;
    const std::atomic<bool>& stop = interruption();
    predicting.run(wanted, stop);
    for (const std::string& video : videos) video_to_pictures(predicting, video, stop);
    if (stop) return interrupted_exit;
    const std::size_t done = predicting.done(), passed = predicting.passed();
    if (done == 0 && predicting.bad() > 0) {
        predicting.line().clear();
        return 1;  // what was wrong is said
    }
    if (done + passed == 0)
        predicting.line().print(fmt::format("--part {} holds no picture", a.part));
    else if (done > 0)
        predicting.line().print(
            fmt::format("{}: {} written to {}", counted(done, "picture"), written_names(outputs), a.out));
    if (passed > 0)
        predicting.line().print(
            fmt::format("{} had been done before{}", counted(passed, "picture"), done == 0 ? ": nothing is left" : ""));
    if (const std::string said = listing.passed_over(); !said.empty()) predicting.line().print(said);
    return predicting.bad() > 0 || !listing.faults.empty() ? 1 : 0;
}

}  // namespace

void add_predict(CLI::App& app, Action& action) {
    CLI::App* command = app.add_subcommand(
        "predict",
        "Paints the classes of pictures: NAME_labels.png (class ids), NAME_colours.png and NAME_overlay.png, upright; "
        "folders keep their structure");
    command->footer(
        "Example:\n"
        "  camber predict --checkpoint runs/NAME/best.safetensors --out out/ street.jpg\n"
        "  camber predict --checkpoint runs/NAME/best.safetensors --out out/ --tile 256x256 --write labels aerial.png\n"
        "  camber predict --checkpoint runs/NAME/best.safetensors --out painted.mp4 street.mp4");
    auto a = std::make_shared<Arguments>();
    command->add_option("--checkpoint", a->checkpoint, "best.safetensors or last.safetensors of a run")->required();
    command->add_option("--out", a->out,
                        "Folder for the results, or, as NAME.mp4, the video that frames are painted into");
    command->add_option(
        "--write", a->write,
        "What is written: labels (class ids), colours, overlay (over the picture), entropy (white where "
        "the network does not know), probabilities (NAME_probabilities.npy, float32 [height, width, "
        "classes]), mask:CLASS (that one's probability, in 16 bits) [labels,colours,overlay; of --stdin and "
        "videos overlay]");
    command->add_option(
        "--shares", a->shares,
        "Write the classes' shares of each picture to this file, a line as it is done: CSV, or as .jsonl "
        "JSON Lines");
    command->add_option("--fps", a->rate, "Frames a second of a video that is made of pictures, as 30000/1001 [25]");
    add_number(*command, "--alpha", a->alpha, from_to(0, 1), "Strength of the colours in overlays, 0 to 1")
        ->capture_default_str();
    a->inference.declare(*command);
    command->add_flag("--continue", a->goes_on, "Leave out pictures whose results are there");
    command->add_option("--part", a->part,
                        "I/N: of N parts of the pictures the one numbered I, from 1, for N processes");
    command->add_option("--device", a->device, one_of(names_of(run_devices)) + " [as trained, where it can be used]");
    command->add_option("--dtype", a->dtype, one_of(names_of(run_dtypes)) + " [as trained]");
    command->add_option("--split", a->split, "Of folders that are datasets: the split [all]");
    command->add_option("--stdin", a->stream,
                        "HEIGHTxWIDTH: raw frames (rgb24) come from standard input, and what --write says of each goes "
                        "to standard output, as rgb24, labels as a byte a pixel");
    command->add_option(
        "inputs", a->inputs,
        "Pictures, patterns of them (frame_%05d.png), folders, datasets, whose frames are meant, or videos");
    command->callback([=, &action] { action = [=] { return run_predict(*a); }; });
}

}  // namespace camber::cli
