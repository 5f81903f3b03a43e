/// A thread has an element of c and goes along k. Lanes are neighbours in n, whose rows of b lie K elements apart: 32
/// sectors for 64 wanted bytes, and two loads for every multiply-add.
#include "cuda/laboratory/experiment.h"
#include "cuda/laboratory/matrix_product/sizes.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void product_a_thread_an_output(Product p) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), row = i / p.n, column = i % p.n;
    if (row >= p.m) return;
    float sum = 0;
    for (int k = 0; k < p.k; ++k) sum += to_float(p.a[row * p.k + k]) * to_float(p.b[column * p.k + k]);
    p.c[i] = from_float<bf16>(sum);
}

const laboratory::Register version(laboratory::Version{
    this_device, "matrix_product", 1, "a thread an output",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const Product p(in, out);
        launch("matrix_product", product_a_thread_an_output, {blocks_for(out[0].numel(), 256), 256}, p);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
