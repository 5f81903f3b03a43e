/// A thread has an element of y and goes over taps and channels. Lanes are neighbours in output channels, whose weights
/// lie 9 * Cin elements apart: 32 sectors for 64 wanted bytes, two loads for every multiply-add.
#include "cuda/laboratory/convolution/sizes.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void convolution_a_thread_an_output(Convolution s) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), pixel = i / s.out, o = i % s.out;
    if (pixel >= s.pixels) return;
    float sum = 0;
    for (int tap = 0; tap < 9; ++tap) {
        const int from = s.under(pixel, tap);
        if (from < 0) continue;
        for (int c = 0; c < s.in; ++c) sum += to_float(s.x[from * s.in + c]) * to_float(s.w[(o * 9 + tap) * s.in + c]);
    }
    s.y[i] = from_float<bf16>(sum);
}

const laboratory::Register version(laboratory::Version{
    this_device, "convolution", 1, "a thread an output",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        launch("convolution", convolution_a_thread_an_output, {blocks_for(out[0].numel(), 256), 256},
               Convolution(in, out));
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
