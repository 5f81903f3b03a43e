#include <cstring>

#include "backend/label_map.h"
#include "backend/reference/confusion_matrix.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {

void ReferenceBackend::count_predictions(const Tensor& logits, const Tensor& source, const Tensor& maps,
                                         const Tensor& counts, int ignore_index) {
    const std::int64_t h = logits.dim(1), w = logits.dim(2), c = logits.dim(3);
    const Tensor exact = Tensor::empty(logits.shape(), Dtype::f64, Device::reference);
    cast(logits, exact);
    for (std::int64_t n = 0; n < logits.dim(0); ++n) {
        LabelMap map;
        std::memcpy(&map, maps.data<std::uint8_t>() + n * static_cast<std::int64_t>(sizeof map), sizeof map);
        const Shape size{1, map.height, map.width};
        const Tensor resized = Tensor::empty({1, map.height, map.width, c}, Dtype::f64, Device::reference);
        const Tensor prediction = Tensor::empty(size, Dtype::u8, Device::reference);
        resize(exact.slice(n * h * w * c, {1, h, w, c}), resized, ResizeMode::bilinear);
        argmax(resized, prediction);
        confusion_matrix(prediction, source.slice(map.offset, size), counts.slice(n * c * c, {c, c}), ignore_index);
    }
}

}  // namespace camber::reference
