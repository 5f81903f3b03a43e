#include <camber/checkpoint.h>
#include <camber/import.h>
#include <camber/nets.h>
#include <camber/train.h>

#include "cli/commands.h"
#include "cli/description.h"
#include "cli/output_file.h"

namespace camber::cli {
namespace {

struct Arguments {
    std::string checkpoint, out;
    bool as_trained = false;
};

/// Whether the file is one for Keras. Refuses names that promise a format that is not written.
bool is_for_keras(const std::filesystem::path& file) {
    const std::string extension = file.extension().string();
    if (extension == ".h5" || extension == ".hdf5") return true;
    if (extension == ".safetensors") return false;
    fail_usage(
        "cannot write {}: weights are written as .safetensors, for PyTorch, or as .h5, .hdf5 or .weights.h5, for "
        "Keras{}",
        file.string(),
        extension == ".pth" || extension == ".pt"
            ? "; a .pth is torch.save(safetensors.torch.load_file('X.safetensors'), 'X.pth') in Python"
            : "");
}

int run_export(const Arguments& a) {
    const bool for_keras = is_for_keras(a.out);
    refuse_to_replace(a.checkpoint, a.out);
    Model model;
    const CheckpointInfo info = CheckpointFile::open(a.checkpoint).info();
    model.config = train_config(info.config);
    const std::string note = description(info);
    model.net = nets::make_net(model.config.net, model.config.net_options);
    model.parameters =
        std::make_unique<nn::ParameterBuffer>(*model.net, nn::ParameterBufferOptions{.gradients = false});
    load_weights(a.checkpoint, model.tensors(), a.as_trained ? WeightsFrom::model : WeightsFrom::best_available);
    if (for_keras) {
        const std::size_t count = export_keras(*model.net, a.out, note);
        fmt::print("{} tensors of {} in {}; in Python: model.load_weights('{}')\n", count, model.config.net, a.out,
                   a.out);
        return 0;
    }
    const std::vector<NamedTensor> tensors =
        export_weights(*model.net, model.net->preprocessing().order == nets::ChannelOrder::bgr);
    write_safetensors(a.out, tensors, {{"format", "pt"}, {"camber", note}});
    fmt::print("{} tensors of {} in {}; in Python: model.load_state_dict(safetensors.torch.load_file('{}'))\n",
               tensors.size(), model.config.net, a.out, a.out);
    return 0;
}

}  // namespace

void add_export(CLI::App& app, Action& action) {
    CLI::App* command =
        app.add_subcommand("export", "Writes a checkpoint's weights for PyTorch (.safetensors) or for Keras (.h5)");
    command->footer("Example:\n  camber export --checkpoint runs/NAME/best.safetensors --out weights.h5");
    auto a = std::make_shared<Arguments>();
    command->add_option("--checkpoint", a->checkpoint, "best.safetensors or last.safetensors of a run")->required();
    command
        ->add_option("--out", a->out,
                     "File to write: .safetensors, names and layouts as PyTorch has them; .h5 or .hdf5 (Keras 2's "
                     "format) or .weights.h5 (Keras 3's), of networks whose originals are Keras's")
        ->required();
    command->add_flag("--as-trained", a->as_trained, "The weights as trained, also where there are averaged ones");
    command->callback([a, &action] { action = [a] { return run_export(*a); }; });
}

}  // namespace camber::cli
