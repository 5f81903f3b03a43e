#pragma once
#include <cublasLt.h>

#include <string>
#include <vector>

#include "cuda/libraries/dynamic_library.h"

/// cuBLASLt, loaded at run time.
namespace camber::cublas {

/// The entry points in use. A member has the name and type of the function it points at, less the `cublasLt`.
struct Api {
    decltype(&::cublasLtGetStatusString) GetStatusString;
    decltype(&::cublasLtCreate) Create;
    decltype(&::cublasLtDestroy) Destroy;
    decltype(&::cublasLtMatmulDescCreate) MatmulDescCreate;
    decltype(&::cublasLtMatmulDescDestroy) MatmulDescDestroy;
    decltype(&::cublasLtMatmulDescSetAttribute) MatmulDescSetAttribute;
    decltype(&::cublasLtMatrixLayoutCreate) MatrixLayoutCreate;
    decltype(&::cublasLtMatrixLayoutDestroy) MatrixLayoutDestroy;
    decltype(&::cublasLtMatrixLayoutSetAttribute) MatrixLayoutSetAttribute;
    decltype(&::cublasLtMatmulPreferenceCreate) MatmulPreferenceCreate;
    decltype(&::cublasLtMatmulPreferenceDestroy) MatmulPreferenceDestroy;
    decltype(&::cublasLtMatmulPreferenceSetAttribute) MatmulPreferenceSetAttribute;
    decltype(&::cublasLtMatmulAlgoGetHeuristic) MatmulAlgoGetHeuristic;
    decltype(&::cublasLtMatmulAlgoCheck) MatmulAlgoCheck;
    decltype(&::cublasLtMatmulAlgoConfigGetAttribute) MatmulAlgoConfigGetAttribute;
    decltype(&::cublasLtMatmul) Matmul;
    std::size_t version;  ///< 130100 for 13.1.0
    std::string path;     ///< of the library
};

/// The oldest version that serves: the first of CUDA 12, with kernels for Hopper.
inline constexpr std::size_t oldest_version = 120000;

/// What it is called and where it is looked for; CAMBER_CUBLAS may name it.
const libraries::Description& library();

/// The first of `candidates` that loads and is new enough; throws Error with one line that says what was found instead.
Api load_api(const std::vector<std::string>& candidates);

/// load_api(libraries::candidates(library())), once a process. Null where there is none; `why` then says so.
const Api* find_api(std::string* why = nullptr);

/// Throws Error naming the call and what was being done.
void check(const Api& api, cublasStatus_t status, const char* call, const std::string& doing);

}  // namespace camber::cublas
