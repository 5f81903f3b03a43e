/// A thread makes one element of y from four of x. Its lanes have neighbouring channels, so every request is 64 bytes
/// side by side; but each input is asked for by the sixteen outputs around it.
#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

/// Where output `o` falls along an axis of `in` inputs: between `low` and `high`, `share` of the way.
struct Between {
    int low, high;
    float share;

    __device__ Between(int o, int in) {
        const float at = fminf(fmaxf(0.5f * static_cast<float>(o) - 0.25f, 0.0f), static_cast<float>(in - 1));
        low = static_cast<int>(at);
        high = min(low + 1, in - 1);
        share = at - static_cast<float>(low);
    }
};

__global__ void resize_an_element_a_thread(const bf16* x, bf16* y, int count, int height, int width, int channels) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= count) return;
    const int c = i % channels, column = i / channels % (2 * width);
    const int row = i / channels / (2 * width) % (2 * height), image = i / channels / (2 * width) / (2 * height);
    const Between down(row, height), across(column, width);
    const auto at = [&](int r, int s) { return to_float(x[((image * height + r) * width + s) * channels + c]); };
    const float upper = at(down.low, across.low) * (1 - across.share) + at(down.low, across.high) * across.share;
    const float lower = at(down.high, across.low) * (1 - across.share) + at(down.high, across.high) * across.share;
    y[i] = from_float<bf16>(upper * (1 - down.share) + lower * down.share);
}

const laboratory::Register version(laboratory::Version{
    this_device, "resize", 1, "an element a thread", [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const Tensor &x = in[0], &y = out[0];
        launch("resize", resize_an_element_a_thread, {blocks_for(y.numel(), 256), 256}, x.data<bf16>(), y.data<bf16>(),
               static_cast<int>(y.numel()), static_cast<int>(x.dim(1)), static_cast<int>(x.dim(2)),
               static_cast<int>(x.dim(3)));
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
