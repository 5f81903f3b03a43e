#include <camber/ops.h>
#include <camber/prediction.h>
#include <camber/train.h>
#include <omp.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "backend/backend.h"
#include "c_interface/input.h"
#include "c_interface/picture.h"
#include "c_interface/status.h"
#include "c_interface/turn.h"
#include "devices/processor.h"
#include "train/input_size.h"

/// A handle.
struct camber_model {
    explicit camber_model(camber::Model loaded) : model(std::move(loaded)) {}

    camber::Model model;
    int threads = 0;   ///< of the CPU
    std::mutex mutex;  ///< one call at a time
};

namespace camber::c_interface {
namespace {

/// Refuses what cannot be had of what was asked for. What a checkpoint asks for gives way to what there is.
void check(const camber_options& options) {
    const auto check_name = [](const char* what, const char* given, const std::vector<std::string>& known) {
        if (given && std::find(known.begin(), known.end(), given) == known.end())
            fail_usage("there is no {} '{}': {}", what, given, one_of(known));
    };
    check_name("device", options.device, names_of(run_devices));
    check_name("dtype", options.dtype, names_of(run_dtypes));
    if (options.threads < 0 || options.threads > Turn::most_threads)
        fail_usage("{} threads: 1 to {}, or 0 for as many as OpenMP takes", options.threads, Turn::most_threads);
    if (const char* const set = processor_lacks())
        refuse(CAMBER_NO_DEVICE, "this build needs a processor with {}; build Camber on this machine", set);
    if (!options.device) return;
    if (const std::string why = why_no_backend(parse_device(options.device)); !why.empty())
        refuse(CAMBER_NO_DEVICE, "device '{}' cannot be used: {}", options.device, why);
}

/// Whatever is wrong with a checkpoint, it is the file: the rest was checked.
Model load(const char* checkpoint, const camber_options& options) {
    const auto text = [](const char* given) { return std::string(given ? given : ""); };
    try {
        Model model = load_model(checkpoint, text(options.device), text(options.dtype));
        picture_channels(*model.net);
        return model;
    } catch (const OutOfMemory&) {
        throw;
    } catch (const Error& error) {
        const std::string said = error.what();
        refuse(CAMBER_BAD_FILE, "{}{}", said.find(checkpoint) == said.npos ? text(checkpoint) + ": " : "", said);
    }
}

void open(const char* checkpoint, const camber_options& options, camber_model** handle) {
    check(options);
    const Turn turn(Device::cuda, options.threads);  // where it will be is not known yet
    auto model = std::make_unique<camber_model>(load(checkpoint, options));
    model->threads = omp_get_max_threads();
    set_input(model->model, options);
    *handle = model.release();
}

/// What camber_describe() says.
camber_description described(const camber_model& handle) {
    const Model& model = handle.model;
    const InferenceOptions& inference = model.inference;
    camber_description d{};
    d.network = model.net->name();
    d.device = name(model.device());
    d.dtype = name(model.dtype());
    d.resizing = name(model.config.augment.interpolation);
    d.table = model.classes.name.c_str();
    d.threads = handle.threads;
    if (inference.resizes()) {
        const InputSize size = input_size(model.config);
        d.height = size.height, d.width = size.width;
    } else if (!inference.own_size) {
        d.height = inference.tile_height, d.width = inference.tile_width;
    }
    d.size_multiple = model.net->size_multiple();
    d.channels = picture_channels(*model.net);
    d.classes = model.classes.count();
    d.void_id = model.classes.void_id;
    std::copy_n(model.config.normalisation.mean.begin(), 3, d.mean);
    std::copy_n(model.config.normalisation.std.begin(), 3, d.std);
    return d;
}

/// The first `classes` values of each pixel of `rows` go to `to`, which is of the whole frame.
void copy_logits(const LogitRows& rows, std::int64_t classes, float* to) {
    const std::int64_t channels = rows.logits.dim(3), pixels = rows.logits.numel() / channels;
    const float* from = rows.logits.data<float>();
    to += rows.top * rows.logits.dim(2) * classes;
    for (std::int64_t i = 0; i < pixels; ++i) std::copy_n(from + i * channels, classes, to + i * classes);
}

void run(Model& model, const camber_frame& frame) {
    if (!frame.labels && !frame.logits && !frame.probabilities)
        fail_usage("nothing is wanted of the frame: labels, logits and probabilities are null pointers");
    const Image image =
        picture_of(frame.pixels, frame.height, frame.width, frame.channels ? frame.channels : 3, frame.row_bytes);
    if (!frame.logits && !frame.probabilities) {
        const Image labels = predict(model, image);
        std::copy(labels.data.begin(), labels.data.end(), frame.labels);
        return;
    }
    const std::int64_t classes = model.classes.count();
    predict_rows(model, image, [&](const LogitRows& rows) {
        if (frame.labels) labels_of(rows, frame.labels + std::int64_t{rows.top} * frame.width);
        if (frame.logits) copy_logits(rows, classes, frame.logits);
        if (frame.probabilities) copy_logits({rows.top, ops::softmax(rows.logits)}, classes, frame.probabilities);
    });
}

}  // namespace
}  // namespace camber::c_interface

using namespace camber::c_interface;

camber_status camber_open(const char* checkpoint, const camber_options* options, camber_model** model) {
    if (model) *model = nullptr;
    return guarded(CAMBER_FAILED, [&] {
        if (!checkpoint || !model) refuse(CAMBER_BAD_ARGUMENT, "camber_open: a null pointer");
        open(checkpoint, options ? taken(options, "camber_options") : camber_options{}, model);
    });
}

void camber_close(camber_model* model) {
    if (!model) return;
    guarded(CAMBER_FAILED, [&] {
        const std::unique_lock turn = gpu_turn(model->model.device());
        delete model;
    });
}

camber_status camber_describe(const camber_model* model, camber_description* description) {
    return guarded(CAMBER_FAILED, [&] {
        if (!model) refuse(CAMBER_BAD_ARGUMENT, "camber_describe: a null pointer");
        give(description, described(*model), "camber_description");
    });
}

camber_status camber_describe_class(const camber_model* model, int32_t id, camber_class* description) {
    return guarded(CAMBER_FAILED, [&] {
        if (!model) refuse(CAMBER_BAD_ARGUMENT, "camber_describe_class: a null pointer");
        const camber::ClassTable& table = model->model.classes;
        if (!table.valid(id))
            refuse(CAMBER_BAD_ARGUMENT, "there is no class {}: 0 to {}, and void is {}", id, table.count() - 1,
                   table.void_id);
        const camber::Rgb colour = table.colour_of(id);
        give(description, {0, table.name_of(id).c_str(), {colour[0], colour[1], colour[2]}}, "camber_class");
    });
}

camber_status camber_run(camber_model* model, const camber_frame* frame) {
    return guarded(CAMBER_FAILED, [&] {
        if (!model) refuse(CAMBER_BAD_ARGUMENT, "camber_run: a null pointer");
        const camber_frame wanted = taken(frame, "camber_frame");
        const std::lock_guard lock(model->mutex);
        const Turn turn(model->model.device(), model->threads);
        run(model->model, wanted);
    });
}
