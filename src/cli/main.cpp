#include <camber/device.h>
#include <camber/error.h>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <system_error>

#include "cli/commands.h"
#include "cli/options.h"
#include "devices/openmp.h"
#include "devices/processor.h"
#include "distributed/communicator.h"
#include "distributed/launch.h"

int camber::cli::report(const std::string& message, int code) {
    const std::string line = distributed::words_of_job(one_line(message), code);
    if (!line.empty()) std::fprintf(stderr, "camber: error: %s\n", line.c_str());
    distributed::end_job(code);
    return code;
}

namespace {

using camber::cli::report;

/// Without memory of its own.
int report_out_of_memory() {
    std::fputs("camber: error: out of memory; use a smaller batch, image size or network\n", stderr);
    return 1;
}

/// What is thrown where no handler can be, as within OpenMP's regions, ends here.
[[noreturn]] void terminate_in_one_line() {
    int code = 1;
    try {
        if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
        std::fputs("camber: error: ended for no reason that it knows; please report this\n", stderr);
    } catch (const std::bad_alloc&) {
        code = report_out_of_memory();
    } catch (const std::exception& error) {
        report(error.what(), code);
    } catch (...) {
    }
    _exit(code);
}

/// The exit code of a command that ended with `code`: what it printed may still be on its way to a full disk.
int finish(int code) {
    errno = 0;
    std::cout.flush();
    const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
    if (written || code != 0) return code;
    return report(errno == 0 ? "part of the output could not be written"
                             : "the output cannot be written: " + camber::error_text(errno),
                  1);
}

/// Under a limit on addresses (ulimit -v) threads share one heap: each of their own reserves 64 MiB or more.
void share_heap_under_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) mallopt(M_ARENA_MAX, 1);
}

/// Where the system has no more memory, what lies cached of tensors is given back to it.
void give_back_or_throw() {
    camber::DeviceMemory& memory = camber::device_memory(camber::Device::cpu);
    const std::size_t before = memory.stats().reserved;
    memory.trim();
    if (memory.stats().reserved == before) throw std::bad_alloc();
}

}  // namespace

int main(int argc, char** argv) {
    using namespace camber;
    share_heap_under_limit();
    device_memory(Device::cpu);  // made before the handler asks for it, which would wait for itself
    std::set_new_handler(give_back_or_throw);
    if (const char* const set = processor_lacks()) {
        std::fprintf(stderr, "camber: error: this build needs a processor with %s; build Camber on this machine\n",
                     set);
        return 1;
    }
    std::set_terminate(terminate_in_one_line);
    // A file-size limit and a reader that is gone are then errors of write(), which are reported.
    std::signal(SIGXFSZ, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);
    CLI::App app{"Trains, judges and applies street-scene segmentation networks."};
    app.set_version_flag("--version", CAMBER_VERSION);
    app.require_subcommand(1);
    app.footer("Example:\n  camber train --data data/camvid --preset cpu");
    cli::Action action;
    cli::add_train(app, action);
    cli::add_lr_find(app, action);
    cli::add_eval(app, action);
    cli::add_predict(app, action);
    cli::add_report(app, action);
    cli::add_summary(app, action);
    cli::add_import(app, action);
    cli::add_export(app, action);
    cli::add_data(app, action);
    cli::add_bench(app, action);
    cli::add_info(app, action);
    cli::add_completion(app, action);
    if (const std::string wrong = cli::wrong_flag(app, {argv + 1, argv + argc}); !wrong.empty())
        return report(wrong, 2);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ExtrasError&) {
        return report(cli::unexpected(app, app.remaining(true)), 2);
    } catch (const CLI::RequiredError& error) {
        const std::vector<std::string> rest = app.remaining(true);
        if (!rest.empty()) return report(cli::unexpected(app, rest), 2);
        const bool no_command = std::string_view(error.what()).find("subcommand") != std::string_view::npos;
        return report(no_command ? cli::no_command(app) : error.what(), 2);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return finish(app.exit(error));  // --help, --version
        return report(error.what(), 2);
    }
    if (const std::string name = cli::given_empty(app); !name.empty()) return report(name + " is empty", 2);
    try {
        distributed::share_processors();
        start_openmp();
        return finish(action());
    } catch (const UsageError& error) {
        return report(error.what(), 2);
    } catch (const std::bad_alloc&) {
        return report_out_of_memory();
    } catch (const std::filesystem::filesystem_error& error) {
        return report(fmt::format("{}: {}", error.path1().string(), error_text(error.code().value())), 1);
    } catch (const std::system_error& error) {
        if (std::ferror(stdout)) return report("the output cannot be written: " + error_text(error.code().value()), 1);
        return report(error.what(), 1);
    } catch (const nlohmann::json::exception&) {
        // What reads a file says more; this is for what it let through.
        return report("a file holds a value of another kind than Camber writes there: is it damaged?", 1);
    } catch (const std::exception& error) {
        return report(error.what(), 1);
    }
}
