#include <doctest/doctest.h>

#include "support/command.h"
#include "support/environment.h"
#include "support/program.h"

using namespace camber::testing;

TEST_CASE("info names the libraries' files, or says in one line why one is not used, also without a GPU") {
    const std::string file = beside_program("libtest_host_cublas.so");
    const Variable cudnn("CAMBER_CUDNN", "/nowhere/libcudnn.so.9"), cublas("CAMBER_CUBLAS", file);
    const CommandResult info = run_camber({"info"});
    REQUIRE(info.exit_code == 0);
    if (info.output.find("libraries for cuda") == std::string::npos) {
        MESSAGE("left out: built without CUDA");
        return;
    }
    const bool no_cudnn = info.output.find("\n  no cuDNN: built without it\n") != std::string::npos;
    CHECK((no_cudnn || info.output.find("\n  no cuDNN: /nowhere/libcudnn.so.9") != std::string::npos));
    if (std::filesystem::exists(file))
        CHECK(info.output.find("\n  cuBLAS 13.1.0 (" + file + ")\n") != std::string::npos);
}
