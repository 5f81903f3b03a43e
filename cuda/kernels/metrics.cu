/// Confusion matrices.
///
/// confusion_matrix (pixel_counts.h). Bytes: two an element. Strategy: a block counts in shared memory where the matrix
/// fits, 16 labels at a time, and adds its counts to the result; integers add up to the same in any order.
/// count_predictions. Bytes: logits and ids once: [12, 360, 480, 11] of bf16 with maps of 720 x 960 are 54 MB, 16 us at
/// 3.35 TB/s; resized logits in memory would be 182 MB to write and to read. Operations: four loads, served by the
/// caches, and four fused multiply-adds a class and pixel, some 10^9 for these maps. Strategy: a pixel a thread, the
/// blocks of an image in a row of the grid, counts as above. Sizes are read on the device, so that a recorded launch
/// serves maps of any size.
#include "backend/label_map.h"
#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/pixel_counts.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int count_threads = 256;

/// `shared_cells`: classes * classes where counts are kept in shared memory first, else 0.
__global__ void __launch_bounds__(count_threads)
    confusion_kernel(const std::uint8_t* prediction, const std::uint8_t* truth, int* counts, std::int64_t pixels,
                     int classes, int ignore_index, int shared_cells, bool wide) {
    int* const histogram = shared_cells > 0 ? dynamic_shared<int>() : counts;
    const int thread = static_cast<int>(threadIdx.x);
    for (int i = thread; i < shared_cells; i += count_threads) histogram[i] = 0;
    __syncthreads();
    const auto count = [&](int p, int t) {
        if (t != ignore_index && t < classes && p < classes) atomicAdd(histogram + t * classes + p, 1);
    };
    const std::int64_t first = std::int64_t{blockIdx.x} * count_threads + thread;
    const std::int64_t step = std::int64_t{gridDim.x} * count_threads;
    const std::int64_t vectors = wide ? pixels / 16 : 0;
    for (std::int64_t i = first; i < vectors; i += step) {
        const auto p = load<16>(prediction + i * 16), t = load<16>(truth + i * 16);
#pragma unroll
        for (int j = 0; j < 16; ++j) count(p[j], t[j]);
    }
    for (std::int64_t i = vectors * 16 + first; i < pixels; i += step) count(prediction[i], truth[i]);
    if (shared_cells == 0) return;
    __syncthreads();
    for (int i = thread; i < shared_cells; i += count_threads)
        if (histogram[i] > 0) atomicAdd(counts + i, histogram[i]);
}

/// Bilinear with half-pixel centres, as resize.cu's: the first of two neighbours on an axis of `in` pixels and the
/// share of the second, which is the first again where its share is 0.
struct Neighbours {
    int first, second;
    float share;

    __device__ __forceinline__ Neighbours(int at, int in, int out) {
        const int denominator = 2 * out;
        const int position = min(max(2 * in * at + in - out, 0), (in - 1) * denominator);
        first = position / denominator;
        const int rest = position - first * denominator;
        second = rest > 0 ? first + 1 : first;
        share = static_cast<float>(rest) / static_cast<float>(denominator);
    }
};

/// Blocks are (parts of an image, images). `shared_cells`: as confusion_kernel's.
template <class T>
__global__ void __launch_bounds__(count_threads)
    count_predictions_kernel(const T* logits, const std::uint8_t* source, const LabelMap* maps, int* counts, int h,
                             int w, int classes, int ignore_index, int shared_cells) {
    counts += static_cast<std::int64_t>(blockIdx.y) * classes * classes;
    int* const histogram = shared_cells > 0 ? dynamic_shared<int>() : counts;
    const int thread = static_cast<int>(threadIdx.x);
    for (int i = thread; i < shared_cells; i += count_threads) histogram[i] = 0;
    __syncthreads();
    const LabelMap map = maps[blockIdx.y];
    const int pixels = map.height * map.width, step = static_cast<int>(gridDim.x) * count_threads;
    const T* const image = logits + static_cast<std::int64_t>(blockIdx.y) * h * w * classes;
    for (int i = static_cast<int>(blockIdx.x) * count_threads + thread; i < pixels; i += step) {
        const int truth = source[map.offset + i];
        if (truth == ignore_index || truth >= classes) continue;
        const int row = i / map.width;
        const Neighbours y(row, h, map.height), x(i - row * map.width, w, map.width);
        const auto at = [&](int r, int c) { return image + (static_cast<std::int64_t>(r) * w + c) * classes; };
        const T *const upper_left = at(y.first, x.first), *const upper_right = at(y.first, x.second);
        const T *const lower_left = at(y.second, x.first), *const lower_right = at(y.second, x.second);
        const float lower = y.share, upper = 1 - lower, right = x.share, left = 1 - right;
        const auto logit = [&](int c) {
            const float above = fmaf(upper * right, to_float(upper_right[c]), upper * left * to_float(upper_left[c]));
            const float below = fmaf(lower * left, to_float(lower_left[c]), above);
            return fmaf(lower * right, to_float(lower_right[c]), below);
        };
        float best = logit(0);
        int prediction = 0;
#pragma unroll 4
        for (int c = 1; c < classes; ++c) {
            const float v = logit(c);
            if (v > best) best = v, prediction = c;
        }
        atomicAdd(histogram + truth * classes + prediction, 1);
    }
    if (shared_cells == 0) return;
    __syncthreads();
    for (int i = thread; i < shared_cells; i += count_threads)
        if (histogram[i] > 0) atomicAdd(counts + i, histogram[i]);
}

/// Cells of the matrix where a block's fit into shared memory, else 0.
int shared_cells(int classes) {
    const int cells = classes * classes;
    return cells * static_cast<int>(sizeof(int)) <= 48 * 1024 ? cells : 0;
}

}  // namespace

void confusion_matrix(const Tensor& prediction, const Tensor& truth, const Tensor& counts, int ignore_index) {
    if (truth.numel() == 0) return;
    const auto classes = static_cast<int>(counts.dim(0));
    const int cells = shared_cells(classes);
    const LaunchShape shape = {blocks_for(truth.numel(), 16 * count_threads, device_properties().multiprocessors * 2),
                               count_threads, static_cast<std::size_t>(cells) * sizeof(int)};
    launch("confusion_matrix", confusion_kernel, shape, prediction.data<std::uint8_t>(), truth.data<std::uint8_t>(),
           counts.data<int>(), truth.numel(), classes, ignore_index, cells,
           aligned_to(prediction, 16) && aligned_to(truth, 16));
}

void GpuBackend::count_predictions(const Tensor& logits, const Tensor& source, const Tensor& maps, const Tensor& counts,
                                   int ignore_index) {
    if (logits.numel() == 0) return;
    dispatch(logits, [&]<class T>(T) {
        const auto images = static_cast<int>(logits.dim(0)), classes = static_cast<int>(logits.dim(3));
        const int cells = shared_cells(classes);
        const std::size_t shared = static_cast<std::size_t>(cells) * sizeof(int);
        const auto kernel = count_predictions_kernel<T>;
        // The maps' sizes are known to the device alone: as many blocks as it holds at once.
        const std::int64_t resident = resident_blocks(kernel, count_threads, shared);
        const auto parts = static_cast<unsigned>(std::max<std::int64_t>(1, resident / images));
        const LaunchShape shape = {dim3(parts, static_cast<unsigned>(images)), count_threads, shared};
        launch("count_predictions", kernel, shape, logits.data<T>(), source.data<std::uint8_t>(),
               reinterpret_cast<const LabelMap*>(maps.data<std::uint8_t>()), counts.data<int>(),
               static_cast<int>(logits.dim(1)), static_cast<int>(logits.dim(2)), classes, ignore_index, cells);
    });
}

}  // namespace camber::CAMBER_GPU
