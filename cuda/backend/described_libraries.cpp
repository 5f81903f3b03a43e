// NVIDIA's libraries as they are found on this machine, with or without a GPU.
#if !defined(CAMBER_EMULATED)

#include "cuda/backend/cuda.h"
#include "cuda/libraries/nccl_api.h"
#if defined(CAMBER_WITH_CUBLAS)
#include "cuda/cublas/cublas_api.h"
#endif
#if defined(CAMBER_WITH_CUDNN)
#include "cuda/cudnn/cudnn_api.h"
#endif

namespace camber::cuda {
namespace {

template <class Api>
std::string describe(const char* title, const Api* (*find)(std::string*)) {
    std::string why;
    const Api* const api = find(&why);
    return api ? fmt::format("{} {} ({})", title, libraries::version_text(api->version), api->path) : why;
}

}  // namespace

std::vector<std::string> describe_libraries() {
    std::vector<std::string> lines = {"no cuDNN: built without it", "no cuBLAS: built without it",
                                      describe("NCCL", nccl::find_api)};
#if defined(CAMBER_WITH_CUDNN)
    lines[0] = describe("cuDNN", cudnn::find_api);
#endif
#if defined(CAMBER_WITH_CUBLAS)
    lines[1] = describe("cuBLAS", cublas::find_api);
#endif
    return lines;
}

}  // namespace camber::cuda

#endif
