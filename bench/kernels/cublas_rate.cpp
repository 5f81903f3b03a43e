#include "kernels/cublas_rate.h"

#include <camber/error.h>
#include <camber/philox.h>

#include <vector>

namespace camber::bench {
namespace {

constexpr int most_algorithms = 8;
constexpr std::int64_t most_workspace = std::int64_t{32} << 20;

/// Normal values, a million of them repeated: a product of zeros is faster than one of real data.
Tensor random_matrix(Device device, Dtype dtype, std::int64_t n) {
    Philox random({1, Stream::synthesis, 0});
    std::vector<float> values(static_cast<std::size_t>(std::min<std::int64_t>(n * n, 1 << 20)));
    for (float& value : values) value = random.normal();
    const Tensor part = Tensor::from(values, {static_cast<std::int64_t>(values.size())}, device);
    const Tensor matrix = Tensor::empty({n, n}, dtype, device);
    for (std::int64_t done = 0; done < matrix.numel();) {
        const std::int64_t count = std::min(part.numel(), matrix.numel() - done);
        backend(device).cast(part.slice(0, {count}), matrix.slice(done, {count}));
        done += count;
    }
    return matrix;
}

/// cuBLASLt, opened.
class Handle {
  public:
    explicit Handle(const cublas::Api& api) : api_(api) {
        check(api, api.Create(&handle_), "cublasLtCreate", "opening cuBLAS");
    }
    ~Handle() { api_.Destroy(handle_); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    operator cublasLtHandle_t() const { return handle_; }

  private:
    const cublas::Api& api_;
    cublasLtHandle_t handle_ = nullptr;
};

}  // namespace

MatrixRate cublas_rate(const cublas::Api& api, const MatrixPlace& place, const cublas::MatmulTypes& types,
                       std::int64_t n, const Rounds& rounds) {
    const Handle handle(api);
    const Device device = place.device;
    const Tensor a = random_matrix(device, types.dtype, n), b = random_matrix(device, types.dtype, n);
    const Tensor out = Tensor::empty({n, n}, types.out, device);
    const Tensor workspace = Tensor::empty({most_workspace}, Dtype::u8, device);
    const cublas::Matmul matmul(
        api,
        {.rows = n, .columns = n, .inner = n, .a = {.row_stride = n}, .b = {.row_stride = n}, .out = {.row_stride = n}},
        types);
    MatrixRate rate;
    rate.why_absent = "cuBLAS has no algorithm for it";
    for (const cublas::Algorithm& algorithm : matmul.algorithms(handle, most_algorithms, most_workspace)) {
        const double seconds = time_call(
            device,
            [&] {
                matmul.run(handle, algorithm, {.a = a.raw(), .b = b.raw(), .out = out.raw()}, workspace.raw(),
                           place.stream);
            },
            rounds);
        const double operations = 2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
        if (operations / seconds <= rate.operations_per_second) continue;
        rate = {operations / seconds, matmul.describe(algorithm), {}};
    }
    return rate;
}

}  // namespace camber::bench
