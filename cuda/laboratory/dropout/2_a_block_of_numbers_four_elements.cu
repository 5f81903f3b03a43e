/// A thread makes the four elements that one block of Philox numbers is for: a quarter of the arithmetic, 8 bytes an
/// access.
#include <cmath>

#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void dropout_four_elements_a_thread(const bf16* x, bf16* y, int count, unsigned threshold, float scale,
                                               PhiloxKey key) {
    const int group = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (4 * group >= count) return;
    const auto random = key.block(static_cast<std::uint64_t>(group));
    auto v = load<4>(x + 4 * group);
#pragma unroll
    for (int k = 0; k < 4; ++k)
        v[k] = random[static_cast<std::size_t>(k)] >= threshold ? from_float<bf16>(scale * to_float(v[k])) : bf16(0.0f);
    store<4>(y + 4 * group, v);
}

const laboratory::Register version(laboratory::Version{
    this_device, "dropout", 2, "four elements a thread",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        if (in[0].numel() % 4 != 0) fail("this version takes multiples of 4 elements");
        launch("dropout", dropout_four_elements_a_thread, {blocks_for(in[0].numel() / 4, 256), 256}, in[0].data<bf16>(),
               out[0].data<bf16>(), static_cast<int>(in[0].numel()), static_cast<unsigned>(std::llround(0.2 * 0x1p32)),
               static_cast<float>(1 / 0.8), PhiloxKey{1, Stream::dropout, 0});
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
