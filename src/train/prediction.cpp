#include <camber/ops.h>
#include <camber/prediction.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "backend/cpu/predicted_labels.h"
#include "backend/cpu/tap.h"
#include "train/augmented_logits.h"
#include "train/eval_scope.h"
#include "train/mean_probabilities.h"
#include "train/tile_pass.h"

namespace camber {
namespace {

using Take = std::function<void(const LogitRows&)>;

/// Rows at a time of what is made for all of a picture's width.
constexpr int rows_at_once = 64;

/// The logits of a picture at another size, brought to its own.
class ScaledLogits {
  public:
    ScaledLogits(Model& model, SharedRows& picture, double scale)
        : height_(picture.height()), pass_(model, reader(picture, scale)) {}

    /// Rows of the picture at its own size, [1, count, width, classes], `top` never less than before.
    Tensor rows(int top, int count, int width) {
        const auto tap = [&](int row) { return cpu::tap(row, pass_.height(), height_, ResizeMode::bilinear); };
        const int begin = tap(top).low, end = tap(top + count - 1).high + 1;
        drop(std::min(begin, first_ + kept_));
        while (first_ + kept_ < end) keep();
        const Tensor result = Tensor::empty({1, count, width, classes_}, Dtype::f32, Device::cpu);
        cpu::resized_rows(window_.slice(0, {1, kept_, pass_.width(), classes_}), first_, pass_.height(), height_, top,
                          result);
        return result;
    }

  private:
    static std::unique_ptr<RowReader> reader(SharedRows& picture, double scale) {
        if (scale == 1) return std::make_unique<PlainReader>(picture);
        const auto scaled = [&](int length) { return std::max(1, static_cast<int>(std::lround(length * scale))); };
        return std::make_unique<ResizedReader>(picture, scaled(picture.height()), scaled(picture.width()));
    }
    std::int64_t row_size() const { return pass_.width() * classes_; }
    void drop(int first) {
        const int dropped = first - first_;
        if (dropped == 0) return;
        float* const values = window_.data<float>();
        std::memmove(values, values + dropped * row_size(),
                     static_cast<std::size_t>((kept_ - dropped) * row_size()) * sizeof(float));
        first_ = first;
        kept_ -= dropped;
    }
    void keep() {
        if (taken_ == waiting_) {
            rows_ = pass_.next();
            waiting_ = static_cast<int>(rows_.logits.dim(1));
            taken_ = 0;
        }
        classes_ = rows_.logits.dim(3);
        const int count = std::min(rows_at_once, waiting_ - taken_);
        if (!window_) {  // once: what rows() wants at a time, and these
            const std::int64_t most = std::int64_t{rows_at_once} * pass_.height() / height_ + 3 + rows_at_once;
            window_ = Tensor::empty({1, most, pass_.width(), classes_}, Dtype::f32, Device::cpu);
        }
        std::copy_n(rows_.logits.data<float>() + taken_ * row_size(), count * row_size(),
                    window_.data<float>() + kept_ * row_size());
        taken_ += count;
        kept_ += count;
    }

    int height_;
    TilePass pass_;
    LogitRows rows_;               ///< what the pass gave last
    int waiting_ = 0, taken_ = 0;  ///< how many these are, and how many of them were kept
    Tensor window_;                ///< [1, .., width, classes]: rows first_ to first_ + kept_
    int first_ = 0, kept_ = 0;
    std::int64_t classes_ = 0;
};

/// A few rows at a time, so that what is made of them is small beside a row of tiles.
void give(const LogitRows& all, const Take& take) {
    const std::int64_t height = all.logits.dim(1), width = all.logits.dim(2), classes = all.logits.dim(3);
    for (std::int64_t row = 0; row < height; row += rows_at_once) {
        const std::int64_t count = std::min<std::int64_t>(rows_at_once, height - row);
        take({all.top + static_cast<int>(row), all.logits.slice(row * width * classes, {1, count, width, classes})});
    }
}

void predict_at_own_size(Model& model, SharedRows& picture, const Take& take) {
    const std::vector<double>& scales = model.inference.scales;
    if (!model.inference.scaled()) {
        TilePass pass(model, std::make_unique<PlainReader>(picture));
        while (!pass.done()) give(pass.next(), take);
        return;
    }
    std::vector<std::unique_ptr<ScaledLogits>> logits;
    for (const double scale : scales) logits.push_back(std::make_unique<ScaledLogits>(model, picture, scale));
    for (int top = 0; top < picture.height(); top += rows_at_once) {
        const int count = std::min(rows_at_once, picture.height() - top);
        std::optional<MeanProbabilities> mean;
        for (const auto& one : logits) {
            const Tensor rows = one->rows(top, count, picture.width());
            if (!mean) mean.emplace(rows.shape());
            mean->add(rows);
        }
        take({top, mean->logits()});
    }
}

/// Logits of the picture resized to the network's input.
Tensor resized_logits(Model& model, const Image& image) {
    std::vector<Tensor> pictures;
    for (const auto& [height, width] : input_sizes(model)) {
        pictures.push_back(Tensor::empty({1, height, width, image.channels}, Dtype::f32, Device::cpu));
        prepare_image(image, model.config.normalisation, height, width, pictures.back().data<float>(),
                      model.config.augment.interpolation);
    }
    return finite_logits(model, pictures, input_size(model.config));
}

void predict_resized(Model& model, const Image& image, const Take& take) {
    const Tensor logits = resized_logits(model, image);
    for (int top = 0; top < image.height; top += rows_at_once) {
        const int rows = std::min(rows_at_once, image.height - top);
        const Tensor part = Tensor::empty({1, rows, image.width, logits.dim(3)}, Dtype::f32, Device::cpu);
        cpu::resized_rows(logits, 0, logits.dim(1), image.height, top, part);
        take({top, part});
    }
}

}  // namespace

void predict_rows(Model& model, PictureRows& picture, const Take& take) {
    const EvalScope scope(*model.net);
    const int channels = picture_channels(*model.net);
    if (!model.inference.resizes()) {
        SharedRows rows(picture, channels);
        predict_at_own_size(model, rows, take);
    } else if (const Image* const image = picture.image(); image && image->channels == channels) {
        predict_resized(model, *image, take);
    } else {
        predict_resized(model, with_channels(image ? *image : read_all(picture), channels), take);
    }
}

void predict_rows(Model& model, const Image& image, const Take& take) {
    ImageRows rows(&image);
    predict_rows(model, rows, take);
}

void labels_of(const LogitRows& rows, std::uint8_t* labels) {
    cpu::predicted_labels(rows.logits, 0, rows.logits.dim(1), rows.logits.dim(2), labels);
}

Image predict(Model& model, const Image& image) {
    Image labels(image.height, image.width, 1);
    if (model.inference.resizes()) {
        const EvalScope scope(*model.net);
        const Tensor logits = resized_logits(model, with_channels(image, picture_channels(*model.net)));
        cpu::predicted_labels(logits, 0, labels.height, labels.width, labels.data.data());
    } else {
        predict_rows(model, image, [&](const LogitRows& rows) { labels_of(rows, labels.at(rows.top, 0)); });
    }
    return labels;
}

}  // namespace camber
