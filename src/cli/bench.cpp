#include "cli/bench.h"

#include "cli/commands.h"

namespace camber::cli {

void add_bench(CLI::App& app, Action& action) {
    CLI::App* bench = app.add_subcommand("bench", "Takes kernels apart, and times primitives");
    bench->require_subcommand(1);
    bench->footer("Example:\n  camber bench kernels max_pool");
    add_bench_kernels(*bench, action);
    add_bench_primitives(*bench, action);
}

}  // namespace camber::cli
