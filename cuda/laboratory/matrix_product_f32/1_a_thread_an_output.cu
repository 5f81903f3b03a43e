/// A thread has an element of c and goes along k. Lanes are neighbours in n, whose rows of b lie K elements apart: 32
/// sectors of which four bytes each are wanted, and two loads for every multiply-add.
#include "cuda/laboratory/experiment.h"
#include "cuda/laboratory/matrix_product/sizes.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void product_f32_a_thread_an_output(ProductF32 p) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), row = i / p.n, column = i % p.n;
    if (row >= p.m) return;
    float sum = 0;
    for (int k = 0; k < p.k; ++k) sum += p.a[row * p.k + k] * p.b[column * p.k + k];
    p.c[i] = sum;
}

const laboratory::Register version(laboratory::Version{
    this_device, "matrix_product_f32", 1, "a thread an output",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const ProductF32 p(in, out);
        launch("matrix_product_f32", product_f32_a_thread_an_output, {blocks_for(out[0].numel(), 256), 256}, p);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
