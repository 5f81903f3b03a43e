#include <memory>

#include "cli/bench.h"
#include "kernels/primitive_rates.h"

namespace camber::cli {

void add_bench_primitives(CLI::App& bench, Action& action) {
    CLI::App* command = bench.add_subcommand(
        "primitives", "Times a device's primitives at a U-Net's sizes, as shares of what the machine itself reaches");
    command->footer("Example:\n  camber bench primitives pool resize --device cpu --batch 4");
    const auto options = std::make_shared<bench::PrimitiveOptions>();
    bench::add_options(*command, *options);
    command->callback([&action, options] {
        action = [options] {
            bench::print_primitive_rates(*options);
            return 0;
        };
    });
}

}  // namespace camber::cli
