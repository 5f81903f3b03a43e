#include <camber/ops.h>
#include <camber/prediction.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "backend/cpu/predicted_labels.h"
#include "train/eval_scope.h"
#include "train/finite.h"
#include "train/flip.h"
#include "train/input_size.h"
#include "train/network_logits.h"
#include "train/tiles.h"

namespace camber {
namespace {

/// Logits f32 on the host of prepared pictures [N, H, W, C].
Tensor host_logits(Model& model, const Tensor& pictures) {
    const Tensor logits = model.inference.flip ? flipped_logits(model, pictures) : network_logits(model, pictures);
    const Tensor host = ops::cast(logits.to(Device::cpu), Dtype::f32);
    refuse_non_finite(host, "the network's output");
    return host;
}

/// Where position `i`, which may lie beyond the end, is of `count` when it is mirrored at the last one.
int mirrored(int i, int count) {
    if (count == 1) return 0;
    const int period = 2 * (count - 1), at = i % period;
    return at < count ? at : period - at;
}

/// A part of a picture, mirrored where it reaches beyond the edge.
Image part(const Image& image, int top, int left, int height, int width) {
    Image result(height, width, image.channels);
    const int within = std::clamp(image.width - left, 0, width);
    for (int row = 0; row < height; ++row) {
        const int from = mirrored(top + row, image.height);
        std::copy_n(image.at(from, left), within * image.channels, result.at(row, 0));
        for (int column = within; column < width; ++column)
            std::copy_n(image.at(from, mirrored(left + column, image.width)), image.channels, result.at(row, column));
    }
    return result;
}

/// Tiles along one side of a picture, which is mirrored at its end to a multiple of the network's.
struct Side {
    Side(int picture, int asked, int multiple, double overlap)
        : length(picture), padded((picture + multiple - 1) / multiple * multiple), tile(std::min(asked, padded)) {
        starts = tile_starts(padded, tile, overlap, multiple);
        weights = starts.size() > 1 ? tile_weights(tile) : std::vector(static_cast<std::size_t>(tile), 1.0f);
        sums.resize(static_cast<std::size_t>(padded));
        for (const int start : starts)
            for (int i = 0; i < tile; ++i) sums[static_cast<std::size_t>(start + i)] += weight(i);
    }
    float weight(int i) const { return weights[static_cast<std::size_t>(i)]; }
    float sum(int i) const { return sums[static_cast<std::size_t>(i)]; }

    int length, padded, tile;
    std::vector<int> starts;
    std::vector<float> weights, sums;  ///< of a tile's pixels; of all tiles' at each pixel of the picture
};

/// Adds up the logits of tiles, weighted, for the rows that a row of tiles covers.
class Rows {
  public:
    Rows(const Side& down, const Side& across) : down_(down), across_(across) {}

    /// Tile [H, W, C] at column `left`.
    void add(const float* logits, std::int64_t classes, int left) {
        if (!sums_) sums_ = Tensor::zeros({1, down_.tile, across_.length, classes}, Dtype::f32, Device::cpu);
        const int width = std::min(across_.tile, across_.length - left);
        for (int row = 0; row < down_.tile; ++row) {
            float* to = sums_.data<float>() + (std::int64_t{row} * across_.length + left) * classes;
            const float* from = logits + std::int64_t{row} * across_.tile * classes;
            for (int column = 0; column < width; ++column, to += classes, from += classes) {
                const float weight = down_.weight(row) * across_.weight(column);
                for (std::int64_t c = 0; c < classes; ++c) to[c] += weight * from[c];
            }
        }
    }
    /// Gives away the first `count` rows, which begin at the picture's row `top` and to which nothing will be added.
    void give(int top, int count, const std::function<void(const LogitRows&)>& take) {
        const std::int64_t classes = sums_.dim(3), row_size = across_.length * classes;
        float* const values = sums_.data<float>();
        for (int row = 0; row < count; ++row) {
            float* at = values + row * row_size;
            for (int column = 0; column < across_.length; ++column, at += classes) {
                const float sum = down_.sum(top + row) * across_.sum(column);
                for (std::int64_t c = 0; c < classes; ++c) at[c] /= sum;
            }
        }
        take({top, sums_.slice(0, {1, count, across_.length, classes})});
        std::memmove(values, values + count * row_size, static_cast<std::size_t>((down_.tile - count) * row_size) * 4);
        std::fill_n(values + (down_.tile - count) * row_size, count * row_size, 0.0f);
    }

  private:
    const Side &down_, &across_;
    Tensor sums_;
};

void predict_tiles(Model& model, const Image& image, const std::function<void(const LogitRows&)>& take) {
    const InferenceOptions& o = model.inference;
    const int multiple = model.net->size_multiple(), channels = image.channels;
    constexpr int whole = std::numeric_limits<int>::max();
    const auto side = [&](int length, int tile) {
        return Side(length, o.own_size ? whole : tile, multiple, o.overlap);
    };
    const Side down = side(image.height, o.tile_height), across = side(image.width, o.tile_width);
    // A GPU has more to do at a time; on the CPU more tiles are but more memory.
    const auto at_once = static_cast<std::size_t>(is_host(model.device()) ? 1 : std::max(1, model.config.batch));
    Rows rows(down, across);
    const std::int64_t pixels = std::int64_t{down.tile} * across.tile;
    for (std::size_t i = 0; i < down.starts.size(); ++i) {
        const int top = down.starts[i];
        for (std::size_t first = 0; first < across.starts.size();) {
            const std::size_t count = std::min(across.starts.size() - first, at_once);
            const Tensor batch = Tensor::empty({static_cast<std::int64_t>(count), down.tile, across.tile, channels},
                                               Dtype::f32, Device::cpu);
            for (std::size_t t = 0; t < count; ++t)
                prepare_image(part(image, top, across.starts[first + t], down.tile, across.tile),
                              model.config.normalisation, down.tile, across.tile,
                              batch.data<float>() + static_cast<std::int64_t>(t) * pixels * channels);
            const Tensor logits = host_logits(model, batch);
            for (std::size_t t = 0; t < count; ++t)
                rows.add(logits.data<float>() + static_cast<std::int64_t>(t) * pixels * logits.dim(3), logits.dim(3),
                         across.starts[first + t]);
            first += count;
        }
        const int end = i + 1 < down.starts.size() ? down.starts[i + 1] : image.height;
        rows.give(top, end - top, take);
    }
}

/// Logits of the picture resized to the network's input.
Tensor resized_logits(Model& model, const Image& image) {
    const auto [height, width] = input_size(model.config);
    const Tensor host = Tensor::empty({1, height, width, image.channels}, Dtype::f32, Device::cpu);
    prepare_image(image, model.config.normalisation, height, width, host.data<float>(),
                  model.config.augment.interpolation);
    return host_logits(model, host);
}

}  // namespace

void predict_rows(Model& model, const Image& image, const std::function<void(const LogitRows&)>& take) {
    const EvalScope scope(*model.net);
    const Image picture = with_channels(image, picture_channels(*model.net));
    if (!model.inference.resizes()) {
        predict_tiles(model, picture, take);
        return;
    }
    constexpr int rows_at_once = 64;
    const Tensor logits = resized_logits(model, picture);
    for (int top = 0; top < image.height; top += rows_at_once) {
        const int rows = std::min(rows_at_once, image.height - top);
        const Tensor part = Tensor::empty({1, rows, image.width, logits.dim(3)}, Dtype::f32, Device::cpu);
        cpu::resized_rows(logits, 0, image.height, top, part);
        take({top, part});
    }
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
