/// A thread makes one element. Philox gives four numbers at a time, some 70 instructions; three of them are thrown
/// away, and the warp's request is 64 bytes.
#include <cmath>

#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void dropout_an_element_a_thread(const bf16* x, bf16* y, int count, unsigned threshold, float scale,
                                            PhiloxKey key) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= count) return;
    const auto random = key.block(static_cast<std::uint64_t>(i / 4));
    y[i] = random[i % 4] >= threshold ? from_float<bf16>(scale * to_float(x[i])) : bf16(0.0f);
}

const laboratory::Register version(laboratory::Version{
    this_device, "dropout", 1, "an element a thread",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        launch("dropout", dropout_an_element_a_thread, {blocks_for(in[0].numel(), 256), 256}, in[0].data<bf16>(),
               out[0].data<bf16>(), static_cast<int>(in[0].numel()), static_cast<unsigned>(std::llround(0.2 * 0x1p32)),
               static_cast<float>(1 / 0.8), PhiloxKey{1, Stream::dropout, 0});
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
