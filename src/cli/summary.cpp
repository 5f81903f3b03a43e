#include "cli/summary.h"

#include <camber/nets.h>
#include <camber/summary.h>

#include <iostream>
#include <map>

#include "cli/commands.h"
#include "cli/options.h"

namespace camber::cli {

int run_summary(const SummaryOptions& options, std::ostream& out) {
    const auto net = nets::make_net(options.net, options.net_options);
    const LayerTable table = layer_table(*net, options.height, options.width, net->in_channels(), options.net);
    if (!options.audit.empty()) {
        out << audit_text(audit(table, read_published_table(options.audit)));
    } else if (options.format == "keras") {
        out << keras_text(table);
    } else if (options.format == "markdown") {
        out << markdown_text(table);
    } else if (options.format == "json") {
        out << table_json(table).dump(2) << "\n";
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
    CLI::App* command =
        app.add_subcommand("summary", "Prints a network's layer table as Keras does, or audits another");
    command->footer("Example:\n  camber summary --net unet --size 256x256 --classes 3");
    auto a = std::make_shared<Arguments>();
    command->add_option("--net", a->options.net, "Network")->capture_default_str();
    command->add_option("--size", a->size, "HEIGHTxWIDTH of the input")->capture_default_str();
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
