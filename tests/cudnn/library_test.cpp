#include <doctest/doctest.h>

#include <algorithm>

#include "backend/backend.h"
#include "backend/convolution_settings.h"
#include "cuda/backend/chosen_convolutions.h"
#include "cuda/cudnn/cudnn_api.h"
#include "support/environment.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/program.h"

using namespace camber;
using testing::TemporaryFolder;
using testing::Variable;

namespace {

const std::string old_cudnn = testing::beside_program("libtest_old_cudnn.so");

std::string refusal(const std::vector<std::string>& candidates) {
    return testing::error_of([&] { cudnn::load_api(candidates); });
}

}  // namespace

TEST_CASE("cuDNN: what is missing, too old or something else is said in one line") {
    const std::string nothing = refusal({"/nowhere/libcudnn.so.9"});
    CHECK(nothing.find("no cuDNN: /nowhere/libcudnn.so.9") == 0);
    CHECK(nothing.find("CAMBER_CUDNN") != std::string::npos);
    CHECK(nothing.find('\n') == std::string::npos);

    CHECK(refusal({old_cudnn}).find(old_cudnn + " is cuDNN 9.1.0, older than the 9.8.0 that Camber needs") !=
          std::string::npos);
    // The file that was found is named, not the one that was not.
    CHECK(refusal({"/nowhere/libcudnn.so.9", old_cudnn, "/nowhere/else"}).find("older than") != std::string::npos);
    CHECK(refusal({"libm.so.6"}).find("it is not cuDNN") != std::string::npos);

    const TemporaryFolder folder;
    testing::write_text(folder / "libcudnn.so.9", "not a library");
    CHECK(refusal({(folder / "libcudnn.so.9").string()}).find("no cuDNN: ") == 0);
}

TEST_CASE("cuDNN: one that serves is taken after one that is too old") {
    std::string why;
    const cudnn::Api* const api = cudnn::find_api(&why);
    if (!api) {
        MESSAGE("left out: " << why);
        return;
    }
    CHECK(cudnn::load_api({"/nowhere/libcudnn.so.9", old_cudnn, api->path}).version == api->version);
}

TEST_CASE("cuDNN: where the library is looked for") {
    const TemporaryFolder folder;
    const auto packages = folder.path() / "lib/python3.12/site-packages/nvidia/cudnn/lib";
    std::filesystem::create_directories(packages);
    testing::write_text(packages / "libcudnn.so.9", "");
    std::filesystem::create_directories(folder / "toolkit/lib64");
    testing::write_text(folder / "toolkit/lib64/libcudnn.so.9", "");
    {
        const Variable none("CAMBER_CUDNN", ""), python("VIRTUAL_ENV", folder.path().string()),
            toolkit("CUDA_PATH", (folder / "toolkit").string());
        const std::vector<std::string> candidates = libraries::candidates(cudnn::library());
        REQUIRE(candidates.size() >= 3);
        CHECK(candidates[0] == "libcudnn.so.9");  // by the dynamic loader: Debian's and NVIDIA's packages
        CHECK(candidates[1] == (packages / "libcudnn.so.9").string());
        CHECK(std::count(candidates.begin(), candidates.end(), (folder / "toolkit/lib64/libcudnn.so.9").string()) == 1);
    }
    const Variable python("VIRTUAL_ENV", folder.path().string());
    {
        const Variable given("CAMBER_CUDNN", packages.string());
        CHECK(libraries::candidates(cudnn::library()) ==
              std::vector<std::string>{(packages / "libcudnn.so.9").string()});
    }
    const Variable given("CAMBER_CUDNN", "/nowhere/my-cudnn.so");
    CHECK(libraries::candidates(cudnn::library()) == std::vector<std::string>{"/nowhere/my-cudnn.so"});
}

TEST_CASE("cuDNN: without a GPU Camber's convolutions serve, and cuDNN's cannot be asked for") {
    if (has_backend(Device::cuda)) return;
    const ConvolutionSettings before = convolution_settings();
    set_convolution_settings({.choice = ConvolutionChoice::automatic});
    CHECK(cuda::describe_convolutions().find("Camber's convolutions: ") == 0);
    set_convolution_settings({.choice = ConvolutionChoice::own});
    CHECK(cuda::describe_convolutions() == "Camber's convolutions, as asked for");
    set_convolution_settings({.choice = ConvolutionChoice::cudnn});
    CHECK(cuda::describe_convolutions().find("cuDNN's convolutions were asked for, but cannot be used: ") == 0);
    set_convolution_settings(before);
}
