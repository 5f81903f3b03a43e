#include "cli/inference_options.h"

#include <algorithm>

#include "cli/options.h"
#include "train/input_size.h"
#include "train/plan.h"

namespace camber::cli {
namespace {

std::vector<double> parse_scales(const std::string& text) {
    std::vector<double> scales;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        double scale = 0;
        if (const std::string wrong = read_number(text.substr(begin, end - begin), scale_range, scale); !wrong.empty())
            fail_usage("--scales {}: each {}", text, wrong);
        scales.push_back(scale);
        begin = end + 1;
    }
    return scales;
}

}  // namespace

void InferenceFlags::declare(CLI::App& command) {
    command.add_option("--size", size_,
                       "HEIGHTxWIDTH of the network's input, to which pictures are resized, or own: each whole, at its "
                       "own size [as trained or imported]");
    command.add_option("--tile", tile_,
                       "HEIGHTxWIDTH: pictures at their own size, in tiles of that size, so that memory is bounded");
    overlap_flag_ = add_number(command, "--overlap", overlap_, from_to(0, 0.95),
                               "Share of a tile that lies over the next at least; there the logits are averaged")
                        ->capture_default_str();
    command.add_flag("--flip", flip_, "Take the mean of the probabilities of a picture and of its mirror image");
    command.add_option("--scales", scales_,
                       "S,S,..: take the mean of the probabilities of a picture at each of these times its size, as "
                       "0.75,1,1.25; with --flip of each and its mirror image");
}

void InferenceFlags::set(Model& model) const {
    InferenceOptions& options = model.inference;
    options.flip = flip_;
    if (!scales_.empty()) options.scales = parse_scales(scales_);
    if (tile_.empty()) {
        if (overlap_flag_->count() > 0) fail_usage("--overlap has no effect without --tile");
        options.own_size = size_ == "own";
        if (!size_.empty() && !options.own_size) take_size(model, size_);
        return;
    }
    if (!size_.empty()) fail_usage("--tile takes pictures at their own size: leave out --size {}", size_);
    TrainConfig tiled = model.config;
    tiled.val_height = tiled.val_width = 0;
    std::tie(tiled.height, tiled.width) = parse_size(tile_);
    const int multiple = model.net->size_multiple();
    if (tiled.height % multiple != 0 || tiled.width % multiple != 0)
        fail_usage("--tile {}: {} takes sizes that are multiples of {}", tile_, model.config.net, multiple);
    check_size(tiled);
    options.tile_height = tiled.height;
    options.tile_width = tiled.width;
    options.overlap = overlap_;
}

}  // namespace camber::cli
