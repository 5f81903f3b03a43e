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
    api.path = libraries::load_first(library(), candidates, [&](void* handle, const std::string& path) {
        const auto find = [&](const char* name, auto& function) {
            libraries::find_entry(library(), handle, path, name, function);
        };
        decltype(&::cublasLtGetVersion) get_version = nullptr;
        find("cublasLtGetVersion", get_version);
        api.version = get_version();
        libraries::check_version(library(), path, api.version, oldest_version);
        find("cublasLtGetStatusString", api.GetStatusString);
        find("cublasLtCreate", api.Create);
        find("cublasLtDestroy", api.Destroy);
        find("cublasLtMatmulDescCreate", api.MatmulDescCreate);
        find("cublasLtMatmulDescDestroy", api.MatmulDescDestroy);
        find("cublasLtMatmulDescSetAttribute", api.MatmulDescSetAttribute);
        find("cublasLtMatrixLayoutCreate", api.MatrixLayoutCreate);
        find("cublasLtMatrixLayoutDestroy", api.MatrixLayoutDestroy);
        find("cublasLtMatrixLayoutSetAttribute", api.MatrixLayoutSetAttribute);
        find("cublasLtMatmulPreferenceCreate", api.MatmulPreferenceCreate);
        find("cublasLtMatmulPreferenceDestroy", api.MatmulPreferenceDestroy);
        find("cublasLtMatmulPreferenceSetAttribute", api.MatmulPreferenceSetAttribute);
        find("cublasLtMatmulAlgoGetHeuristic", api.MatmulAlgoGetHeuristic);
        find("cublasLtMatmulAlgoCheck", api.MatmulAlgoCheck);
        find("cublasLtMatmulAlgoConfigGetAttribute", api.MatmulAlgoConfigGetAttribute);
        find("cublasLtMatmul", api.Matmul);
    });
    return api;
}

const Api* find_api(std::string* why) {
    struct Found {
        Api api{};
        std::string why;
    };
    static const Found* const found = [] {
        auto* result = new Found;  // never unloaded
        try {
            result->api = load_api(libraries::candidates(library()));
        } catch (const Error& error) {
            result->why = error.what();
        }
        return result;
    }();
    if (why) *why = found->why;
    return found->why.empty() ? &found->api : nullptr;
}

void check(const Api& api, cublasStatus_t status, const char* call, const std::string& doing) {
    if (status != CUBLAS_STATUS_SUCCESS) fail("{}: {} while {}", call, api.GetStatusString(status), doing);
}

}  // namespace camber::cublas
