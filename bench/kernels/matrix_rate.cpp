#include "kernels/matrix_rate.h"

#if defined(CAMBER_WITH_CUBLAS)
#include "cuda/runtime/runtime.h"
#include "kernels/cublas_rate.h"
#endif

namespace camber::bench {

MatrixRate matrix_rate(Device device, Dtype dtype, bool tf32, std::int64_t n, const Rounds& rounds) {
    MatrixRate rate;
    if (device != Device::cuda) {
        rate.why_absent = fmt::format("cuBLAS does not serve the device '{}'", name(device));
        return rate;
    }
#if defined(CAMBER_WITH_CUBLAS)
    const cublas::Api* const api = cublas::find_api(&rate.why_absent);
    if (!api) return rate;
    try {
        return cublas_rate(*api, {device, cuda::compute_stream()}, {.dtype = dtype, .out = dtype, .tf32 = tf32}, n,
                           rounds);
    } catch (const Error& error) {
        rate.why_absent = error.what();
    }
#else
    static_cast<void>(dtype), static_cast<void>(tf32), static_cast<void>(n), static_cast<void>(rounds);
    rate.why_absent = "built without cuBLAS";
#endif
    return rate;
}

}  // namespace camber::bench
