#include "cli/summary.h"

#include <camber/memory_plan.h>
#include <camber/nets.h>
#include <camber/summary.h>

#include <algorithm>
#include <iostream>
#include <map>

#include "cli/commands.h"
#include "cli/options.h"

namespace camber::cli {

namespace {

/// On this machine's device, trained with AdamW.
struct Memory {
    MemoryPlan f32, bf16;
    const char* device;
};

Memory memory_of(const SummaryOptions& options, int classes) {
    TrainConfig config;
    config.net = options.net;
    config.net_options = options.net_options;
    config.height = options.height;
    config.width = options.width;
    config.batch = options.batch;
    resolve_device(config);
    const auto plan = [&](Dtype dtype) {
        config.dtype = dtype;
        return plan_memory(config, numbered_classes(std::max(classes, 2)));
    };
    return {plan(Dtype::f32), plan(Dtype::bf16), name(*config.device)};
}

nlohmann::json memory_json(const MemoryPlan& plan) {
    return {{"weights", plan.weights}, {"inference", plan.inference}, {"training", plan.training}};
}

std::string memory_text(const Memory& memory, const SummaryOptions& options) {
    std::string text = fmt::format("Memory of tensors on {}, batch {} of {}x{}:{:>12}{:>12}\n", memory.device,
                                   options.batch, options.height, options.width, "f32", "bf16");
    const auto row = [&](const char* what, std::int64_t f32, std::int64_t bf16) {
        text += fmt::format("  {:<{}}{:>12}{:>12}\n", what, text.find(':') - 1, bytes_text(f32), bytes_text(bf16));
    };
    row("weights", memory.f32.weights, memory.bf16.weights);
    row("a prediction, weights included", memory.f32.inference, memory.bf16.inference);
    row("a training step with AdamW, all", memory.f32.training, memory.bf16.training);
    return text;
}

}  // namespace

int run_summary(const SummaryOptions& options, std::ostream& out) {
    const auto net = nets::make_net(options.net, options.net_options);
    const LayerTable table = layer_table(*net, options.height, options.width, net->in_channels(), options.net);
    if (!options.audit.empty()) {
        out << audit_text(audit(table, read_published_table(options.audit)));
    } else if (options.format == "keras") {
        out << keras_text(table) << memory_text(memory_of(options, net->classes()), options);
    } else if (options.format == "markdown") {
        out << markdown_text(table);
    } else if (options.format == "json") {
        const Memory memory = memory_of(options, net->classes());
        nlohmann::json json = table_json(table);
        json["memory"] = {{"device", memory.device},
                          {"batch", options.batch},
                          {"f32", memory_json(memory.f32)},
                          {"bf16", memory_json(memory.bf16)}};
        out << json.dump(2) << "\n";
    } else {
        fail_usage("unknown format '{}': keras, markdown or json", options.format);
    }
    return 0;
}

void add_summary(CLI::App& app, Action& action) {
    struct Arguments {
        SummaryOptions options;
        std::string size = "256x256";
        std::map<std::string, std::string> net_options;
    };
    CLI::App* command = app.add_subcommand("summary", "Prints a network's layer table as Keras does, and its memory");
    command->footer("Example:\n  camber summary --net unet --size 256x256 --classes 3");
    auto a = std::make_shared<Arguments>();
    command->add_option("--net", a->options.net, "Network")->capture_default_str();
    command->add_option("--size", a->size, "HEIGHTxWIDTH of the input")->capture_default_str();
    add_number(*command, "--batch", a->options.batch, from_to(1, 1 << 20),
               "Pictures a batch, of the memory that is shown")
        ->capture_default_str();
    command->add_option("--format", a->options.format, "keras, markdown or json")->capture_default_str();
    command->add_option("--audit", a->options.audit, "A published table (TSV, see docs/audit.md) to judge row by row");
    add_net_flags(*command, a->net_options);
    command->callback([a, &action] {
        action = [a] {
            set_net_options(a->options.net_options, a->net_options);
            std::tie(a->options.height, a->options.width) = parse_size(a->size);
            return run_summary(a->options, std::cout);
        };
    });
}

}  // namespace camber::cli
