#include "cuda/libraries/nccl_api.h"

#include <doctest/doctest.h>

#include "support/environment.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using testing::error_of;

TEST_CASE("NCCL: what is missing or something else is said in one line") {
    const std::string nothing = error_of([] { nccl::load_api({"/nowhere/libnccl.so.2"}); });
    CHECK(nothing.find("no NCCL: /nowhere/libnccl.so.2") == 0);
    CHECK(nothing.find("(CAMBER_NCCL may name the library or its folder)") != std::string::npos);
    CHECK(nothing.find('\n') == std::string::npos);
    CHECK(error_of([] { nccl::load_api({"libm.so.6"}); }).find("it is not NCCL") != std::string::npos);
}

TEST_CASE("NCCL: Python's package of it is found") {
    const testing::TemporaryFolder folder;
    const auto library = folder.path() / "lib/python3.12/site-packages/nvidia/nccl/lib/libnccl.so.2";
    std::filesystem::create_directories(library.parent_path());
    testing::write_text(library, "");
    const testing::Variable python("VIRTUAL_ENV", folder.path().string()), none("CAMBER_NCCL", "");
    const std::vector<std::string> candidates = libraries::candidates(nccl::library());
    CHECK(candidates.at(0) == "libnccl.so.2");
    CHECK(candidates.at(1) == library.string());
}
