#include "c_interface/input.h"

#include "train/input_size.h"
#include "train/plan.h"

namespace camber::c_interface {
namespace {

/// Whether a size is given. Throws UsageError for half of one.
bool is_given(const char* what, int height, int width) {
    if (height == 0 && width == 0) return false;
    if (height < 1 || width < 1) fail_usage("{} of {}x{}: both are at least 1, or both 0", what, height, width);
    return true;
}

void set_scales(InferenceOptions& inference, const camber_options& options) {
    if (options.scale_count == 0 && !options.scales) return;
    if (options.scale_count < 1 || !options.scales)
        fail_usage("{} scales, and {} to them: give both", options.scale_count,
                   options.scales ? "a pointer" : "no pointer");
    inference.scales.assign(options.scales, options.scales + options.scale_count);
    for (const double scale : inference.scales)
        if (!scale_range.holds(scale)) fail_usage("a scale of {}: it is {}", scale, scale_range.text());
}

}  // namespace

void set_input(Model& model, const camber_options& options) {
    const bool sized = is_given("an input", options.height, options.width);
    const bool tiled = is_given("tiles", options.tile_height, options.tile_width);
    if (sized + tiled + (options.own_size != 0) > 1)
        fail_usage("height and width, tile_height and tile_width, and own_size exclude each other: set one");
    InferenceOptions& inference = model.inference;
    inference.flip = options.flip != 0;
    inference.own_size = options.own_size != 0;
    set_scales(inference, options);
    TrainConfig config = model.config;
    config.val_height = config.val_width = 0;
    if (sized) {
        config.height = options.height;
        config.width = options.width;
        check_size(config);
        model.config = config;
    }
    if (!tiled) {
        if (options.overlap != 0) fail_usage("overlap has no effect without tiles");
        return;
    }
    const int multiple = model.net->size_multiple();
    if (options.tile_height % multiple != 0 || options.tile_width % multiple != 0)
        fail_usage("tiles of {}x{}: {} takes sizes that are multiples of {}", options.tile_height, options.tile_width,
                   model.config.net, multiple);
    config.height = inference.tile_height = options.tile_height;
    config.width = inference.tile_width = options.tile_width;
    check_size(config);
    if (options.overlap == -1) {
        inference.overlap = 0;
    } else if (options.overlap != 0) {
        if (!(options.overlap > 0 && options.overlap <= 0.95f))
            fail_usage("overlap {}: above 0 and at most 0.95, 0 for a quarter, or -1 for none", options.overlap);
        inference.overlap = static_cast<double>(options.overlap);
    }
}

}  // namespace camber::c_interface
