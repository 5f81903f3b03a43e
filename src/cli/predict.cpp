#include <camber/train.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <future>
#include <optional>

#include "cli/commands.h"
#include "cli/inference_options.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/predict_inputs.h"
#include "cli/predict_outputs.h"
#include "cli/predict_stream.h"
#include "cli/progress.h"
#include "cli/shares_file.h"
#include "data/sample_files.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail("{}: the folder cannot be made: {}", folder.string(), error.message());
}

/// Whether the disk has no room for more results, so that those of other pictures will not be written either.
bool is_full(const fs::path& folder) {
    constexpr std::uintmax_t least_bytes = 1 << 20;
    std::error_code none;
    const fs::space_info space = fs::space(folder, none);
    return !none && space.available < least_bytes;
}

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

constexpr const char* default_outputs = "labels,colours,overlay";

struct Arguments {
    std::string checkpoint, out, device, dtype, split, write, part, shares, stream;
    InferenceFlags inference;
    std::vector<std::string> inputs;
    float alpha = 0.5f;
    bool goes_on = false;
};

/// Predicts one picture after the other: while one is computed, the next is read and the one before is written.
class Predicting {
  public:
    Predicting(Model& model, const Arguments& arguments, const Listing& listing)
        : model_(model),
          arguments_(arguments),
          outputs_(parse_outputs(arguments.write.empty() ? default_outputs : arguments.write)),
          channels_(std::max(3, picture_channels(*model.net))) {  // overlays of grey networks are in colour
        const Part part = arguments.part.empty() ? Part() : parse_part(arguments.part);
        for (std::size_t i = part.number - 1; i < listing.pictures.size(); i += part.count)
            pictures_.push_back(&listing.pictures[i]);
        if (arguments.shares.empty()) return;
        if (arguments.goes_on) fail_usage("--shares wants every picture judged: leave out --continue");
        shares_.emplace(arguments.shares);
    }

    /// Whether it came to the end.
    bool run(const std::atomic<bool>& stop) {
        std::vector<const Picture*> left;
        for (const Picture* picture : pictures_) {
            if (arguments_.goes_on && is_done(*picture))
                ++passed_;
            else
                left.push_back(picture);
        }
        for (std::size_t i = 0; i < left.size(); ++i) {
            if (stop) break;
            const Picture& picture = *left[i];
            std::future<Image> reading = next_.valid() ? std::move(next_) : read(picture);
            if (i + 1 < left.size()) next_ = read(*left[i + 1]);
            attempt([&] {
                const fs::path base = base_of(picture);
                Image image = reading.get();
                make_folder(base.parent_path());
                Predicted predicted = predict_picture(model_, std::move(image), outputs_, base);
                finish_writing();
                if (shares_) add_shares(picture, predicted.labels);
                writing_ = std::async(std::launch::async, [this, done = std::move(predicted)] {
                    write_outputs(done, outputs_, model_.classes, arguments_.alpha);
                });
            });
            line_.update(static_cast<double>(i + 1), static_cast<double>(left.size()),
                         picture.file.filename().string());
        }
        finish_writing();
        if (next_.valid()) next_.wait();
        if (stop) return false;
        if (shares_) shares_->commit();
        return true;
    }

    std::size_t done() const { return done_; }
    std::size_t bad() const { return bad_; }
    std::size_t passed() const { return passed_; }
    ProgressLine& line() { return line_; }
    std::string what_is_written() const {
        std::vector<std::string> names;
        for (const Output output : outputs_) names.emplace_back(name(output));
        return fmt::format("{}", fmt::join(names, ", "));
    }

  private:
    fs::path base_of(const Picture& picture) const { return fs::path(arguments_.out) / picture.name; }
    bool is_done(const Picture& picture) const {
        const std::vector<fs::path> files = output_files(outputs_, base_of(picture));
        return std::all_of(files.begin(), files.end(), [](const fs::path& file) { return fs::exists(file); });
    }
    std::future<Image> read(const Picture& picture) const {
        return std::async(std::launch::async, [&picture, channels = channels_] {
            return read_frame(picture.file, picture.label, channels);
        });
    }
    void finish_writing() {
        if (writing_.valid()) attempt([this] { writing_.get(), ++done_; });
    }
    void add_shares(const Picture& picture, const Image& labels) {
        shares_->add(picture.name.generic_string(), class_shares(labels, model_.classes), model_.classes.names);
    }
    /// The others are done all the same.
    template <class Work>
    void attempt(const Work& work) {
        try {
            work();
        } catch (const Error& error) {
            if (is_full(arguments_.out)) throw;
            line_.clear();
            report(error.what(), 1);
            ++bad_;
        }
    }

    Model& model_;
    const Arguments& arguments_;
    const std::vector<Output> outputs_;
    const int channels_;
    std::vector<const Picture*> pictures_;
    std::optional<SharesFile> shares_;
    std::future<Image> next_;
    std::future<void> writing_;
    std::size_t done_ = 0, bad_ = 0, passed_ = 0;
    ProgressLine line_;
};

int run_stream(const Arguments& a) {
    const std::pair<const char*, bool> of_files[] = {{"--out", !a.out.empty()},   {"--split", !a.split.empty()},
                                                     {"--part", !a.part.empty()}, {"--shares", !a.shares.empty()},
                                                     {"--continue", a.goes_on},   {"a picture", !a.inputs.empty()}};
    for (const auto& [what, given] : of_files)
        if (given) fail_usage("{} has no effect with --stdin", what);
    const auto [height, width] = parse_size(a.stream);
    const std::vector<Output> outputs = parse_outputs(a.write.empty() ? "overlay" : a.write);
    if (outputs.size() != 1 || outputs[0] > Output::overlay)
        fail_usage("--write {}: with --stdin it is one of labels, colours or overlay", a.write);
    Model model = load_model(a.checkpoint, a.device, a.dtype);
    a.inference.set(model);
    const std::atomic<bool>& stop = interruption();
    const std::size_t frames = predict_stream(model, height, width, outputs[0], a.alpha, stop);
    if (stop) return interrupted_exit;
    if (frames == 0) fail("standard input holds no frame");
    return 0;
}

int run_predict(const Arguments& a) {
    if (!a.stream.empty()) return run_stream(a);
    if (a.inputs.empty()) fail_usage("nothing to predict: name pictures, folders or datasets, or give --stdin");
    if (a.out.empty()) fail_usage("--out is missing: the folder for the results");
    Model model = load_model(a.checkpoint, a.device, a.dtype);
    const Listing listing = list_pictures(a.inputs, a.out, a.split,
                                          [&](const std::string& folder) { return folder_options(model, folder); });
    a.inference.set(model);
    Predicting predicting(model, a, listing);
    for (const std::string& fault : listing.faults) report(fault, 1);
    if (listing.pictures.empty()) return 1;
    if (!predicting.run(interruption())) return interrupted_exit;
    const std::size_t done = predicting.done(), passed = predicting.passed();
    if (done == 0 && predicting.bad() > 0) {
        predicting.line().clear();
        return 1;  // what was wrong is said
    }
    const auto pictures = [](std::size_t count) { return fmt::format("{} picture{}", count, count == 1 ? "" : "s"); };
    if (done + passed == 0)
        predicting.line().print(fmt::format("--part {} holds no picture", a.part));
    else if (done > 0)
        predicting.line().print(
            fmt::format("{}: {} written to {}", pictures(done), predicting.what_is_written(), a.out));
    if (passed > 0)
        predicting.line().print(
            fmt::format("{} had been done before{}", pictures(passed), done == 0 ? ": nothing is left" : ""));
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
        "  camber predict --checkpoint runs/NAME/best.safetensors --out out/ --tile 256x256 --write labels aerial.png");
    auto a = std::make_shared<Arguments>();
    command->add_option("--checkpoint", a->checkpoint, "best.safetensors or last.safetensors of a run")->required();
    command->add_option("--out", a->out, "Folder for the results");
    command->add_option(
        "--write", a->write,
        "What is written: labels (class ids), colours, overlay (over the picture), entropy (white where "
        "the network does not know), probabilities (NAME_probabilities.npy, float32 [height, width, "
        "classes]) [labels,colours,overlay; of --stdin overlay]");
    command->add_option("--shares", a->shares, "Write the classes' shares of each picture to this file, CSV");
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
    command->add_option("inputs", a->inputs, "Pictures, folders of pictures, or datasets, whose frames are meant");
    command->callback([=, &action] { action = [=] { return run_predict(*a); }; });
}

}  // namespace camber::cli
