#include <memory>

#include "cli/bench.h"
#include "cli/options.h"
#include "kernels/primitive_rates.h"

namespace camber::cli {

void add_bench_primitives(CLI::App& bench, Action& action) {
    CLI::App* command = bench.add_subcommand(
        "primitives", "Times a device's primitives at a U-Net's sizes, as shares of what the machine itself reaches");
    command->footer("Example:\n  camber bench primitives pool resize --device cpu --batch 4");
    const auto options = std::make_shared<bench::PrimitiveOptions>();
    testing::Level& level = options->level;
    command->add_option("NAME", options->names, "cases whose name has this in it; all without one");
    command->add_option("--device", options->device,
                        "cpu, cuda or emulated; by itself cuda where there is a GPU, else cpu");
    const auto number = [&](const char* name, auto& target, const NumberRange& range, const char* help) {
        add_number(*command, name, target, range, help)->capture_default_str();
    };
    number("--batch", level.batch, from_to(1, 1 << 12), "pictures");
    number("--size", level.pixels, from_to(1, 1 << 14), "height and width");
    number("--channels", level.channels, from_to(1, 1 << 14), "of the largest level");
    number("--classes", level.classes, from_to(2, 256), "of the logits");
    number("--parameters", level.parameters, from_to(1, 1e10), "elements the optimizer updates");
    number("--seconds", options->rounds.seconds, from_to(0, 3600), "of calls a round");
    number("--rounds", options->rounds.count, from_to(1, 1 << 20),
           "their median counts; on the CPU, of processor time");
    command->add_flag("--rates", options->rates_only, "what the device does at most, alone: a copy, products");
    number("--matrix", options->matrix, from_to(1, 1 << 16), "rows and columns of a GPU's product");
    command->add_flag("--json", options->as_json, "an object a line instead of a table");
    command->callback([&action, options] {
        action = [options] {
            bench::print_primitive_rates(*options);
            return 0;
        };
    });
}

}  // namespace camber::cli
