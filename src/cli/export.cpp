#include <camber/checkpoint.h>
#include <camber/import.h>
#include <camber/nets.h>
#include <camber/train.h>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "cli/commands.h"
#include "cli/description.h"
#include "cli/options.h"
#include "cli/output_file.h"
#include "data/sampling.h"
#include "io/torch_writer.h"

namespace camber::cli {
namespace {

struct Arguments {
    std::string checkpoint, out, size;
    int batch = 0;
    bool as_trained = false, preprocess = false, argmax = false, fold = false;
};

enum class Format { safetensors, torch, keras, onnx };

/// By the name. Refuses names that promise a format that is not written.
Format format_of(const std::filesystem::path& file) {
    static const std::pair<const char*, Format> endings[] = {{".safetensors", Format::safetensors},
                                                             {".pth", Format::torch},
                                                             {".pt", Format::torch},
                                                             {".h5", Format::keras},
                                                             {".hdf5", Format::keras},
                                                             {".keras", Format::keras},
                                                             {".onnx", Format::onnx}};
    const std::string extension = file.extension().string();
    for (const auto& [ending, format] : endings)
        if (extension == ending) return format;
    fail_usage(
        "cannot write {}: weights are written as .safetensors or .pth, for PyTorch, as .keras, .h5, .hdf5 or "
        ".weights.h5, for Keras, and the network with them as .onnx",
        file.string());
}

void refuse_without_effect(const Arguments& a) {
    const std::pair<bool, const char*> given[] = {{!a.size.empty(), "--size"},
                                                  {a.batch != 0, "--batch"},
                                                  {a.preprocess, "--preprocess"},
                                                  {a.argmax, "--argmax"},
                                                  {a.fold, "--fold-batch-norms"}};
    for (const auto& [is, name] : given)
        if (is) fail_usage("{} is for .onnx files, {} is none", name, a.out);
}

/// What the network takes of a pixel's channels, 0 to 255.
std::vector<OnnxOptions::PixelScale> pixel_scales(const Model& model) {
    const int channels = picture_channels(*model.net);
    const pixel::Sampling unit = sampling_of({}, 1, 1, model.config.normalisation, channels, 1, 1);
    std::vector<OnnxOptions::PixelScale> scales;
    for (int c = 0; c < channels; ++c) scales.push_back({255 * unit.mean[c], unit.inv_std[c] / 255});
    return scales;
}

/// For the programs of others: classes and preprocessing; and the note, which comes back in.
std::map<std::string, std::string> metadata(const Model& model, const Arguments& a, const std::string& note) {
    std::map<std::string, std::string> entries = {{"camber", note}, {"network", model.net->name()}};
    const auto said = nlohmann::json::parse(note);
    if (said.contains("classes")) entries["classes"] = said.at("classes").dump();
    const Normalisation& n = model.config.normalisation;
    entries["preprocessing"] = nlohmann::json{
        {"inside", a.preprocess},
        {"order", model.net->in_channels() == 3 ? "RGB" : "as in pictures"},
        {"formula", "(pixel / 255 - mean) / std"},
        {"mean", n.mean},
        {"std", n.std}}.dump();
    return entries;
}

void write_onnx(const Model& model, const Arguments& a, const std::string& note) {
    OnnxOptions options{.batch = a.batch, .labels = a.argmax, .fold_batch_norms = a.fold};
    if (!a.size.empty()) std::tie(options.height, options.width) = parse_size(a.size);
    if (a.preprocess) options.pixels = pixel_scales(model);
    export_onnx(*model.net, a.out, options, metadata(model, a, note));
    const auto or_free = [](int extent, const char* free) { return extent > 0 ? std::to_string(extent) : free; };
    const std::string n = or_free(options.batch, "N"), channels = std::to_string(model.net->in_channels()),
                      size = or_free(options.height, "H") + ", " + or_free(options.width, "W"),
                      classes = std::to_string(model.net->classes());
    const bool maps = model.net->task() == nets::Task::segmentation;
    const auto list = [&](const std::string& more) {
        return fmt::format("[{}, {}{}]", n, more, maps ? ", " + size : "");
    };
    fmt::print("{}: {}, from {} {} to {}\n", a.out, model.net->name(), onnx_input,
               a.preprocess ? fmt::format("u8 [{}, {}, {}] of pixels", n, size, channels)
                            : fmt::format("f32 [{}, {}, {}]", n, channels, size),
               !a.argmax ? fmt::format("{} f32 {}", onnx_output, list(classes))
               : maps    ? fmt::format("{} u8 [{}, {}]", onnx_labels, n, size)
                         : fmt::format("{} [{}]", onnx_labels, n));
    const Normalisation& normalisation = model.config.normalisation;
    if (!a.preprocess) {
        fmt::print("  it takes (pixel / 255 - mean) / std, of mean {:.6g} and std {:.6g}\n",
                   fmt::join(normalisation.mean, " "), fmt::join(normalisation.std, " "));
    }
}

int run_export(const Arguments& a) {
    const Format format = format_of(a.out);
    if (format != Format::onnx) refuse_without_effect(a);
    refuse_to_replace(a.checkpoint, a.out);
    Model model;
    const CheckpointInfo info = CheckpointFile::open(a.checkpoint).info();
    model.config = train_config(info.config);
    const std::string note = description(info);
    model.net = nets::make_net(model.config.net, model.config.net_options);
    model.parameters =
        std::make_unique<nn::ParameterBuffer>(*model.net, nn::ParameterBufferOptions{.gradients = false});
    load_weights(a.checkpoint, model.tensors(), a.as_trained ? WeightsFrom::model : WeightsFrom::best_available);
    if (format == Format::onnx) {
        write_onnx(model, a, note);
        return 0;
    }
    if (format == Format::keras) {
        const std::size_t count = export_keras(*model.net, a.out, note);
        const bool whole = std::filesystem::path(a.out).extension() == ".keras";
        fmt::print("{} tensors of {} in {}; in Python: {}('{}')\n", count, model.config.net, a.out,
                   whole ? "model = keras.models.load_model" : "model.load_weights", a.out);
        return 0;
    }
    const std::vector<NamedTensor> tensors =
        export_weights(*model.net, model.net->preprocessing().order == nets::ChannelOrder::bgr);
    if (format == Format::torch) {
        write_torch(a.out, tensors, note);
    } else {
        write_safetensors(a.out, tensors, {{"format", "pt"}, {"camber", note}});
    }
    fmt::print("{} tensors of {} in {}; in Python: model.load_state_dict({}('{}'))\n", tensors.size(), model.config.net,
               a.out, format == Format::torch ? "torch.load" : "safetensors.torch.load_file", a.out);
    return 0;
}

}  // namespace

void add_export(CLI::App& app, Action& action) {
    CLI::App* command = app.add_subcommand(
        "export", "Writes a checkpoint for PyTorch (.safetensors, .pth), Keras (.keras, .h5) or as ONNX (.onnx)");
    command->footer("Example:\n  camber export --checkpoint runs/NAME/best.safetensors --out model.onnx");
    auto a = std::make_shared<Arguments>();
    command->add_option("--checkpoint", a->checkpoint, "best.safetensors or last.safetensors of a run")->required();
    command
        ->add_option("--out", a->out,
                     "File to write: .safetensors or .pth, names and layouts as PyTorch has them; .keras (a whole "
                     "model), .h5 or .hdf5 (Keras 2's format) or .weights.h5 (Keras 3's), of networks whose originals "
                     "are Keras's; .onnx, of any network")
        ->required();
    command->add_flag("--as-trained", a->as_trained, "The weights as trained, also where there are averaged ones");
    command->add_option("--size", a->size, "HEIGHTxWIDTH of the pictures that an .onnx takes [any size]");
    add_number(*command, "--batch", a->batch, at_least(1), "Pictures that an .onnx takes at a time [any number]");
    command->add_flag("--preprocess", a->preprocess,
                      "An .onnx takes pixels as they are, u8 [N, H, W, C], and normalises them itself");
    command->add_flag("--argmax", a->argmax, "An .onnx gives label maps, u8 [N, H, W], instead of logits");
    command->add_flag("--fold-batch-norms", a->fold,
                      "An .onnx has batch norms folded into convolutions; it cannot be imported again");
    command->callback([a, &action] { action = [a] { return run_export(*a); }; });
}

}  // namespace camber::cli
