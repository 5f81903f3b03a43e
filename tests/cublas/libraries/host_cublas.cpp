/// cuBLASLt 13.1 on the host, as far as Camber uses it: it computes what its descriptors say, with the checks that the
/// documentation promises. Two algorithms, the second of which adds in the opposite order and wants scratch memory;
/// both refuse operands that are not aligned as the heuristics were told.
#include <camber/dtype.h>
#include <cublasLt.h>

#include <cstdint>
#include <cstring>

using camber::bf16;

namespace {

struct Description {
    cublasComputeType_t compute;
    std::int32_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
    std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    const void* bias = nullptr;
};
struct Layout {
    cudaDataType type;
    std::int64_t rows, columns, leading;
    std::int32_t batch = 1;
    std::int64_t stride = 0;
};
struct Preference {
    std::uint64_t workspace = 0;
    std::uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_MASK, alignment[4] = {256, 256, 256, 256};
};

constexpr std::uint64_t algorithms = 2, scratch = 1024;

template <class T>
cublasStatus_t assign(T& to, const void* value, std::size_t bytes) {
    if (bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&to, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

std::size_t size_of(cudaDataType type) { return type == CUDA_R_16BF ? 2 : 4; }

float read(const void* from, cudaDataType type, std::int64_t i) {
    return type == CUDA_R_16BF ? static_cast<float>(static_cast<const bf16*>(from)[i])
                               : static_cast<const float*>(from)[i];
}

void write(void* to, cudaDataType type, std::int64_t i, float value) {
    if (type == CUDA_R_16BF) {
        static_cast<bf16*>(to)[i] = bf16(value);
    } else {
        static_cast<float*>(to)[i] = value;
    }
}

bool aligned(const void* first, const Layout& layout, std::uint64_t bytes) {
    return reinterpret_cast<std::uintptr_t>(first) % bytes == 0 &&
           static_cast<std::uint64_t>(layout.stride) * size_of(layout.type) % bytes == 0;
}

/// Whether the matrices fit each other.
bool consistent(const Description& d, const Layout& a, const Layout& b, const Layout& c) {
    const std::int64_t m = d.transpose_a == CUBLAS_OP_T ? a.columns : a.rows;
    const std::int64_t k = d.transpose_a == CUBLAS_OP_T ? a.rows : a.columns;
    const std::int64_t inner = d.transpose_b == CUBLAS_OP_T ? b.columns : b.rows;
    const std::int64_t n = d.transpose_b == CUBLAS_OP_T ? b.rows : b.columns;
    return m == c.rows && n == c.columns && k == inner && a.type == b.type && a.batch == c.batch &&
           b.batch == c.batch && a.leading >= a.rows && b.leading >= b.rows && c.leading >= c.rows;
}

}  // namespace

extern "C" {

std::size_t cublasLtGetVersion() { return 130100; }
const char* cublasLtGetStatusString(cublasStatus_t status) {
    return status == CUBLAS_STATUS_INVALID_VALUE ? "an invalid value" : "not supported";
}
cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
    *handle = reinterpret_cast<cublasLtHandle_t>(new int);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
    delete reinterpret_cast<int*>(handle);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* made, cublasComputeType_t compute, cudaDataType_t scale) {
    if (scale != CUDA_R_32F) return CUBLAS_STATUS_INVALID_VALUE;
    *made = reinterpret_cast<cublasLtMatmulDesc_t>(new Description{.compute = compute});
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) {
    delete reinterpret_cast<Description*>(description);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t raw, cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
    auto& d = *reinterpret_cast<Description*>(raw);
    if (attribute == CUBLASLT_MATMUL_DESC_TRANSA) return assign(d.transpose_a, value, bytes);
    if (attribute == CUBLASLT_MATMUL_DESC_TRANSB) return assign(d.transpose_b, value, bytes);
    if (attribute == CUBLASLT_MATMUL_DESC_EPILOGUE) return assign(d.epilogue, value, bytes);
    if (attribute == CUBLASLT_MATMUL_DESC_BIAS_POINTER) return assign(d.bias, value, bytes);
    return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* made, cudaDataType type, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t leading) {
    *made = reinterpret_cast<cublasLtMatrixLayout_t>(
        new Layout{type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns), leading});
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
    delete reinterpret_cast<Layout*>(layout);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t raw, cublasLtMatrixLayoutAttribute_t attribute,
                                                const void* value, std::size_t bytes) {
    auto& layout = *reinterpret_cast<Layout*>(raw);
    if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) return assign(layout.batch, value, bytes);
    if (attribute == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET) return assign(layout.stride, value, bytes);
    return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* made) {
    *made = reinterpret_cast<cublasLtMatmulPreference_t>(new Preference);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
    delete reinterpret_cast<Preference*>(preference);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t raw,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                                                    std::size_t bytes) {
    auto& preference = *reinterpret_cast<Preference*>(raw);
    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) return assign(preference.workspace, value, bytes);
    if (attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) return assign(preference.schemes, value, bytes);
    constexpr int first = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
    if (attribute >= first && attribute < first + 4)
        return assign(preference.alignment[attribute - first], value, bytes);
    return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t description,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t raw, int room,
                                              cublasLtMatmulHeuristicResult_t* results, int* count) {
    const auto& preference = *reinterpret_cast<Preference*>(raw);
    if (!consistent(*reinterpret_cast<Description*>(description), *reinterpret_cast<Layout*>(a),
                    *reinterpret_cast<Layout*>(b), *reinterpret_cast<Layout*>(c)) ||
        preference.schemes != CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)
        return CUBLAS_STATUS_INVALID_VALUE;
    *count = 0;
    for (std::uint64_t id = 0; id < algorithms && *count < room; ++id) {
        if (id * scratch > preference.workspace) break;
        cublasLtMatmulHeuristicResult_t& result = results[(*count)++];
        result = {};
        result.algo.data[0] = id;
        for (int i = 0; i < 4; ++i) result.algo.data[1 + i] = preference.alignment[i];
        result.workspaceSize = id * scratch;
        result.state = CUBLAS_STATUS_SUCCESS;
    }
    return *count > 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}
cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                                       cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                       const cublasLtMatmulAlgo_t* algorithm, cublasLtMatmulHeuristicResult_t* result) {
    if (algorithm->data[0] >= algorithms) return CUBLAS_STATUS_INVALID_VALUE;
    result->workspaceSize = algorithm->data[0] * scratch;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t* algorithm,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute, void* value,
                                                    std::size_t bytes, std::size_t*) {
    const std::uint32_t number =
        attribute == CUBLASLT_ALGO_CONFIG_ID ? static_cast<std::uint32_t>(algorithm->data[0]) : 1;
    if (bytes != sizeof number) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(value, &number, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t description, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t workspace_bytes, cudaStream_t) {
    const auto& desc = *reinterpret_cast<Description*>(description);
    const auto &la = *reinterpret_cast<Layout*>(a_layout), &lb = *reinterpret_cast<Layout*>(b_layout),
               &ld = *reinterpret_cast<Layout*>(d_layout);
    const std::uint64_t id = algorithm->data[0];
    const bool with_bias = desc.epilogue == CUBLASLT_EPILOGUE_BIAS;
    if (!consistent(desc, la, lb, ld) || c_layout != d_layout || c != d || id >= algorithms ||
        workspace_bytes < id * scratch || (id > 0 && !workspace) || (with_bias && !desc.bias) ||
        !aligned(a, la, algorithm->data[1]) || !aligned(b, lb, algorithm->data[2]) ||
        !aligned(d, ld, algorithm->data[4]))
        return CUBLAS_STATUS_INVALID_VALUE;
    const float scale = *static_cast<const float*>(alpha), before = *static_cast<const float*>(beta);
    const std::int64_t inner = desc.transpose_a == CUBLAS_OP_T ? la.rows : la.columns;
    for (std::int64_t batch = 0; batch < ld.batch; ++batch)
        for (std::int64_t column = 0; column < ld.columns; ++column)
            for (std::int64_t row = 0; row < ld.rows; ++row) {
                float sum = 0;
                for (std::int64_t step = 0; step < inner; ++step) {
                    const std::int64_t k = id == 0 ? step : inner - 1 - step;
                    const std::int64_t ia =
                        desc.transpose_a == CUBLAS_OP_T ? row * la.leading + k : k * la.leading + row;
                    const std::int64_t ib =
                        desc.transpose_b == CUBLAS_OP_T ? k * lb.leading + column : column * lb.leading + k;
                    sum += read(a, la.type, batch * la.stride + ia) * read(b, lb.type, batch * lb.stride + ib);
                }
                const std::int64_t at = batch * ld.stride + column * ld.leading + row;
                float value = scale * sum;
                if (before != 0) value += before * read(d, ld.type, at);
                if (with_bias) value += read(desc.bias, ld.type, row);
                write(d, ld.type, at, value);
            }
    return CUBLAS_STATUS_SUCCESS;
}
}
