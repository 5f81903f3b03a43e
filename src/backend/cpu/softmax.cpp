#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/pixels.h"

namespace camber::cpu {

void CpuBackend::softmax(const Tensor& x, const Tensor& y) {
    with_activation("softmax", x.dtype(), [&]<class T>(T) {
        const std::int64_t channels = x.shape().back();
        const T* px = x.data<T>();
        T* py = y.data<T>();
        parallel_pixels(x.numel() / channels, channels, channels * lanes,
                        [=](std::int64_t i, int count, float* planes) {
                            load_pixels(px + i * channels, channels, channels, count, planes);
                            const Vec maximum = maximum_of(planes, channels);
                            Vec total{};
                            for (float* p = planes; p < planes + channels * lanes; p += lanes) {
                                const Vec e = exp(load(p) - maximum);
                                store(p, e);
                                total += e;
                            }
                            const Vec inverse = 1.f / total;
                            for (float* p = planes; p < planes + channels * lanes; p += lanes)
                                store(p, load(p) * inverse);
                            store_pixels(py + i * channels, channels, channels, count, planes);
                        });
    });
}

void CpuBackend::softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
    with_activation("softmax_backward", y.dtype(), [&]<class T>(T) {
        const std::int64_t channels = y.shape().back(), size = channels * lanes;
        const T *py = y.data<T>(), *pdy = dy.data<T>();
        T* pdx = dx.data<T>();
        parallel_pixels(y.numel() / channels, channels, 2 * size, [=](std::int64_t i, int count, float* planes) {
            load_pixels(py + i * channels, channels, channels, count, planes);
            load_pixels(pdy + i * channels, channels, channels, count, planes + size);
            Vec dot{};
            for (float* p = planes; p < planes + size; p += lanes) dot = fma(load(p), load(p + size), dot);
            for (float* p = planes; p < planes + size; p += lanes) store(p, load(p) * (load(p + size) - dot));
            store_pixels(pdx + i * channels, channels, channels, count, planes);
        });
    });
}

}  // namespace camber::cpu
