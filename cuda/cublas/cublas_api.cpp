#include "cuda/cublas/cublas_api.h"

#include <camber/error.h>

namespace camber::cublas {

const libraries::Description& library() {
    // That of the CUDA this was built with first: it is the one that the driver surely runs.
    static const libraries::Description description = {
        "cuBLAS",
        CUBLAS_VER_MAJOR == 12 ? std::vector<std::string>{"libcublasLt.so.12", "libcublasLt.so.13"}
                               : std::vector<std::string>{"libcublasLt.so.13", "libcublasLt.so.12"},
        "CAMBER_CUBLAS",
        {}};
    return description;
}

Api load_api(const std::vector<std::string>& candidates) {
    Api api{};
    api.path = libraries::load_first(library(), candidates, [&](const libraries::Loaded& loaded) {
        api.version = loaded.version("cublasLtGetVersion", oldest_version);
        loaded.find("cublasLtGetStatusString", api.GetStatusString);
        loaded.find("cublasLtCreate", api.Create);
        loaded.find("cublasLtDestroy", api.Destroy);
        loaded.find("cublasLtMatmulDescCreate", api.MatmulDescCreate);
        loaded.find("cublasLtMatmulDescDestroy", api.MatmulDescDestroy);
        loaded.find("cublasLtMatmulDescSetAttribute", api.MatmulDescSetAttribute);
        loaded.find("cublasLtMatrixLayoutCreate", api.MatrixLayoutCreate);
        loaded.find("cublasLtMatrixLayoutDestroy", api.MatrixLayoutDestroy);
        loaded.find("cublasLtMatrixLayoutSetAttribute", api.MatrixLayoutSetAttribute);
        loaded.find("cublasLtMatmulPreferenceCreate", api.MatmulPreferenceCreate);
        loaded.find("cublasLtMatmulPreferenceDestroy", api.MatmulPreferenceDestroy);
        loaded.find("cublasLtMatmulPreferenceSetAttribute", api.MatmulPreferenceSetAttribute);
        loaded.find("cublasLtMatmulAlgoGetHeuristic", api.MatmulAlgoGetHeuristic);
        loaded.find("cublasLtMatmulAlgoCheck", api.MatmulAlgoCheck);
        loaded.find("cublasLtMatmulAlgoConfigGetAttribute", api.MatmulAlgoConfigGetAttribute);
        loaded.find("cublasLtMatmul", api.Matmul);
    });
    return api;
}

const Api* find_api(std::string* why) { return libraries::find_once(library(), load_api, why); }

void check(const Api& api, cublasStatus_t status, const char* call, const std::string& doing) {
    if (status != CUBLAS_STATUS_SUCCESS) fail("{}: {} while {}", call, api.GetStatusString(status), doing);
}

}  // namespace camber::cublas
