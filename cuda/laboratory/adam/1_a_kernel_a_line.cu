/// The formulas as they stand in the paper, a kernel each, as a framework runs them that fuses nothing: the gradient is
/// read twice, the parameters three times and the moments twice.
#include <cmath>

#include "backend/backend.h"
#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr float beta2 = 0.999f, eps = 1e-8f;

__device__ int element() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }

/// The gradient, scaled, and the decay of the weights.
__device__ float gradient(const float* g, const float* w, const float* scalars, int i) {
    return g[i] * scalars[step_scalar::grad_scale] + scalars[step_scalar::groups + 1] * w[i];
}

__global__ void adam_moment(const float* g, const float* w, float* m, const float* scalars, int count) {
    const int i = element();
    if (i < count)
        m[i] = scalars[step_scalar::momentum] * m[i] + scalars[step_scalar::rest] * gradient(g, w, scalars, i);
}

__global__ void adam_square(const float* g, const float* w, float* v, const float* scalars, int count) {
    const int i = element();
    if (i >= count) return;
    const float d = gradient(g, w, scalars, i);
    v[i] = beta2 * v[i] + (1 - beta2) * d * d;
}

__global__ void adam_update(float* w, const float* m, const float* v, const float* scalars, int count) {
    const int i = element();
    if (i >= count) return;
    const float step = scalars[step_scalar::groups] / scalars[step_scalar::bias_correction1];
    w[i] -= step * m[i] / (std::sqrt(v[i] / scalars[step_scalar::bias_correction2]) + eps);
}

const laboratory::Register version(laboratory::Version{
    this_device, "adam", 1, "a kernel a line of the formula",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const int count = static_cast<int>(in[0].numel());
        const LaunchShape shape = {blocks_for(count, 256), 256};
        const float *g = in[0].data<float>(), *scalars = in[1].data<float>();
        float *w = out[0].data<float>(), *m = out[1].data<float>(), *v = out[2].data<float>();
        launch("adam, moment", adam_moment, shape, g, w, m, scalars, count);
        launch("adam, square", adam_square, shape, g, w, v, scalars, count);
        launch("adam, update", adam_update, shape, w, m, v, scalars, count);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
