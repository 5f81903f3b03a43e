// The emulated device under the command.
#include <doctest/doctest.h>

#include "backend/backend.h"
#include "cli/check_error.h"
#include "cli/scenes.h"
#include "support/environment.h"

using namespace camber;
using namespace camber::testing;

#if !defined(__SANITIZE_ADDRESS__)  // it takes more addresses itself
TEST_CASE("the emulated device makes do with few addresses") {
    if (!has_backend(Device::emulated)) return;
    CommandLimits limits;
    limits.addresses = rlim_t{1} << 30;
    const CommandResult result = run_camber({"info"}, limits);
    CHECK(result.exit_code == 0);
    CHECK(result.output.find("emulated   the CUDA kernels on the host") != std::string::npos);
}
#endif

TEST_CASE("the modes that find faults are in the help, and take the words that it says") {
    const std::string help = run_camber({"train", "--help"}).output;
    CHECK(help.find("CAMBER_CHECK=1") != std::string::npos);
    CHECK(help.find("CAMBER_MEMORY=exact") != std::string::npos);
    if (!has_backend(Device::emulated)) return;
    const TemporaryFolder folder;
    write_scenes(folder / "data");
    const auto train = [&] {
        return run_camber(train_arguments(folder / "data", folder / "run",
                                          {"--device", "emulated", "--epochs", "1", "--epoch-batches", "3"}));
    };
    {
        const Variable wrong("CAMBER_MEMORY", "tight");
        check_error(train(), 2, {"CAMBER_MEMORY=tight: it takes cached, exact or guarded"});
    }
    const Variable exact("CAMBER_MEMORY", "exact");
    CHECK(train().exit_code == 0);
}
