#include <camber/error.h>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>

#include "cli/commands.h"

namespace {

int report(const char* message, int code) {
    std::fprintf(stderr, "camber: error: %s\n", message);
    return code;
}

/// Has OpenMP's threads sleep, not spin, while they have nothing to do: spinning takes the cores from the threads that
/// prepare batches, and from whatever else runs. The runtime reads this before main(), so the program starts again.
void wait_passively(char** argv) {
    if (std::getenv("OMP_WAIT_POLICY")) return;
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", argv);  // on failure go on as we are
}

}  // namespace

int main(int argc, char** argv) {
    using namespace camber;
    wait_passively(argv);
    std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is then an error of write(), which is reported
    CLI::App app{"Trains, judges and applies street-scene segmentation networks."};
    app.set_version_flag("--version", CAMBER_VERSION);
    app.require_subcommand(1);
    cli::Action action;
    cli::add_train(app, action);
    cli::add_eval(app, action);
    cli::add_predict(app, action);
    cli::add_summary(app, action);
    cli::add_import(app, action);
    cli::add_export(app, action);
    cli::add_data(app, action);
    cli::add_info(app, action);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
        return report(error.what(), 2);
    }
    try {
        return action();
    } catch (const UsageError& error) {
        return report(error.what(), 2);
    } catch (const std::bad_alloc&) {
        return report("out of memory", 1);
    } catch (const std::exception& error) {
        return report(error.what(), 1);
    }
}
