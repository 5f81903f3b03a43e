#include <doctest/doctest.h>

#include <algorithm>

#include "backend/backend.h"
#include "backend/convolution_settings.h"
#include "cuda/backend/chosen_convolutions.h"
#include "cuda/cublas/cublas_api.h"
#include "support/environment.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/program.h"

using namespace camber;
using testing::TemporaryFolder;
using testing::Variable;

namespace {

const std::string old_cublas = testing::beside_program("libtest_old_cublas.so");
const std::string host_cublas = testing::beside_program("libtest_host_cublas.so");

std::string refusal(const std::vector<std::string>& candidates) {
    return testing::error_of([&] { cublas::load_api(candidates); });
}

}  // namespace

TEST_CASE("cuBLAS: what is missing, too old or something else is said in one line") {
    const std::string nothing = refusal({"/nowhere/libcublasLt.so.13"});
    CHECK(nothing.find("no cuBLAS: /nowhere/libcublasLt.so.13") == 0);
    CHECK(nothing.find("CAMBER_CUBLAS") != std::string::npos);
    CHECK(nothing.find('\n') == std::string::npos);
    CHECK(refusal({old_cublas}).find(old_cublas + " is cuBLAS 11.11.3, older than the 12.0.0 that Camber needs") !=
          std::string::npos);
    CHECK(refusal({old_cublas, "/nowhere/else"}).find("older than") != std::string::npos);
    CHECK(refusal({"libm.so.6"}).find("it is not cuBLAS") != std::string::npos);
}

TEST_CASE("cuBLAS: one that serves is taken after one that is too old") {
    const cublas::Api api = cublas::load_api({"/nowhere/libcublasLt.so.13", old_cublas, host_cublas});
    CHECK(libraries::version_text(api.version) == "13.1.0");
    CHECK(api.path == host_cublas);
}

TEST_CASE("cuBLAS: where the library is looked for") {
    const TemporaryFolder folder;
    const auto packages = folder.path() / "lib/python3.12/site-packages/nvidia";
    for (const char* package : {"cublas", "cu13", "nccl"}) {
        std::filesystem::create_directories(packages / package / "lib");
        testing::write_text(packages / package / "lib/libcublasLt.so.13", "");
    }
    std::filesystem::create_directories(folder / "toolkit/lib64");
    testing::write_text(folder / "toolkit/lib64/libcublasLt.so.12", "");
    const Variable python("VIRTUAL_ENV", folder.path().string());
    {
        const Variable none("CAMBER_CUBLAS", ""), toolkit("CUDA_PATH", (folder / "toolkit").string());
        const std::vector<std::string> candidates = libraries::candidates(cublas::library());
        REQUIRE(candidates.size() >= 5);
        // By the dynamic loader first; the toolkit's own version before the other.
        CHECK(candidates[0] == "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR));
        CHECK(candidates[2] == (packages / "cublas/lib/libcublasLt.so.13").string());
        CHECK(candidates[3] == (packages / "cu13/lib/libcublasLt.so.13").string());
        CHECK(std::count(candidates.begin(), candidates.end(), (folder / "toolkit/lib64/libcublasLt.so.12").string()) ==
              1);
    }
    const Variable given("CAMBER_CUBLAS", (packages / "cu13/lib").string());
    CHECK(libraries::candidates(cublas::library()) ==
          std::vector<std::string>{(packages / "cu13/lib/libcublasLt.so.13").string()});
}

TEST_CASE("cuBLAS: without a GPU Camber's convolutions serve, and cuBLAS's cannot be asked for") {
    if (has_backend(Device::cuda)) return;
    const ConvolutionSettings before = convolution_settings();
    set_convolution_settings({.choice = ConvolutionChoice::automatic});
    CHECK(cuda::describe_convolutions().find("Camber's convolutions: ") == 0);
    set_convolution_settings({.choice = ConvolutionChoice::own});
    CHECK(cuda::describe_convolutions() == "Camber's convolutions, as asked for");
    set_convolution_settings({.choice = ConvolutionChoice::cublas});
    CHECK(cuda::describe_convolutions().find("cuBLAS's convolutions were asked for, but cannot be used: ") == 0);
    set_convolution_settings(before);
}
