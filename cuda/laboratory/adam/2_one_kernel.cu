/// One kernel: everything of an element is read once and written once. Four bytes an access.
#include <cmath>

#include "backend/backend.h"
#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr float beta2 = 0.999f, eps = 1e-8f;

__global__ void adam_one_kernel(const float* g, float* w, float* m, float* v, const float* scalars, int count) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= count) return;
    const float d = g[i] * scalars[step_scalar::grad_scale] + scalars[step_scalar::groups + 1] * w[i];
    const float moment = scalars[step_scalar::momentum] * m[i] + scalars[step_scalar::rest] * d;
    const float square = beta2 * v[i] + (1 - beta2) * d * d;
    const float step = scalars[step_scalar::groups] / scalars[step_scalar::bias_correction1];
    w[i] -= step * moment / (std::sqrt(square / scalars[step_scalar::bias_correction2]) + eps);
    m[i] = moment;
    v[i] = square;
}

const laboratory::Register version(laboratory::Version{
    this_device, "adam", 2, "one kernel, an element a thread",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        launch("adam", adam_one_kernel, {blocks_for(in[0].numel(), 256), 256}, in[0].data<float>(),
               out[0].data<float>(), out[1].data<float>(), out[2].data<float>(), in[1].data<float>(),
               static_cast<int>(in[0].numel()));
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
