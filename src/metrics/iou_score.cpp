#include <camber/metrics.h>

namespace camber {

double iou_score(std::span<const double> stats, int classes, double smooth) {
    if (classes < 1 || stats.size() < 3 * static_cast<std::size_t>(classes)) {
        fail("iou_score: {} sums are too few for {} classes", stats.size(), classes);
    }
    double sum = 0;
    for (std::size_t c = 0; c < static_cast<std::size_t>(classes); ++c) {
        const double intersection = stats[3 * c], both = stats[3 * c + 1] + stats[3 * c + 2];
        sum += (intersection + smooth) / (both - intersection + smooth);
    }
    return sum / classes;
}

double iou_score(const Tensor& stats, int classes, double smooth) {
    const std::vector<double> values = stats.to_vector<double>();
    const std::size_t per_image = 3 * static_cast<std::size_t>(classes), tail = 2;
    if (classes < 1 || values.size() < per_image + tail || (values.size() - tail) % per_image != 0) {
        fail("iou_score: statistics of {} numbers are not those of {} classes", values.size(), classes);
    }
    const std::size_t images = (values.size() - tail) / per_image;
    double sum = 0;
    for (std::size_t i = 0; i < images; ++i) {
        sum += iou_score(std::span(values).subspan(i * per_image, per_image), classes, smooth);
    }
    return sum / static_cast<double>(images);
}

}  // namespace camber
