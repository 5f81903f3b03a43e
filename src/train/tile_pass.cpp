#include "train/tile_pass.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "train/augmented_logits.h"
#include "train/finite.h"
#include "train/tiles.h"

namespace camber {
namespace {

/// Where position `i`, which may lie beyond the end, is of `count` when it is mirrored at the last one.
int mirrored(int i, int count) {
    if (count == 1) return 0;
    const int period = 2 * (count - 1), at = i % period;
    return at < count ? at : period - at;
}

int asked(const InferenceOptions& options, int tile) {
    return options.own_size ? std::numeric_limits<int>::max() : tile;
}

}  // namespace

TiledSide::TiledSide(int picture, int asked, int multiple, double overlap)
    : length(picture), padded((picture + multiple - 1) / multiple * multiple), tile(std::min(asked, padded)) {
    starts = tile_starts(padded, tile, overlap, multiple);
    weights = starts.size() > 1 ? tile_weights(tile) : std::vector(static_cast<std::size_t>(tile), 1.0f);
    sums.resize(static_cast<std::size_t>(padded));
    for (const int start : starts)
        for (int i = 0; i < tile; ++i) sums[static_cast<std::size_t>(start + i)] += weight(i);
}

TilePass::TilePass(Model& model, std::unique_ptr<RowReader> picture)
    : model_(model),
      picture_(std::move(picture)),
      down_(height(), asked(model.inference, model.inference.tile_height), model.net->size_multiple(),
            model.inference.overlap),
      across_(width(), asked(model.inference, model.inference.tile_width), model.net->size_multiple(),
              model.inference.overlap) {}

LogitRows TilePass::next() {
    drop_given();
    // A GPU has more to do at a time; on the CPU more tiles are but more memory.
    const auto at_once = static_cast<std::size_t>(is_host(model_.device()) ? 1 : std::max(1, model_.config.batch));
    const std::int64_t pixels = std::int64_t{down_.tile} * across_.tile;
    const int top = down_.starts[row_], channels = picture_->channels();
    for (std::size_t first = 0; first < across_.starts.size(); first += at_once) {
        const std::size_t count = std::min(across_.starts.size() - first, at_once);
        const Tensor batch = Tensor::empty({static_cast<std::int64_t>(count), down_.tile, across_.tile, channels},
                                           Dtype::f32, Device::cpu);
        for (std::size_t t = 0; t < count; ++t)
            prepare_image(tile(top, across_.starts[first + t]), model_.config.normalisation, down_.tile, across_.tile,
                          batch.data<float>() + static_cast<std::int64_t>(t) * pixels * channels);
        const Tensor logits = finite_logits(model_, {&batch, 1}, {down_.tile, across_.tile});
        const std::int64_t classes = logits.dim(3);
        for (std::size_t t = 0; t < count; ++t)
            add(logits.data<float>() + static_cast<std::int64_t>(t) * pixels * classes, classes,
                across_.starts[first + t]);
    }
    ++row_;
    const int end = row_ < down_.starts.size() ? down_.starts[row_] : height();
    // What lies beyond the last row is made of those before it.
    picture_->release(std::min(end, std::max(0, 2 * height() - 1 - down_.padded)));
    const std::int64_t classes = sums_.dim(3);
    drop_ = end - top;
    given_ = end;
    for (int row = 0; row < drop_; ++row) {
        float* at = sums_.data<float>() + std::int64_t{row} * width() * classes;
        for (int column = 0; column < width(); ++column, at += classes) {
            const float sum = down_.sum(top + row) * across_.sum(column);
            for (std::int64_t c = 0; c < classes; ++c) at[c] /= sum;
        }
    }
    return {top, sums_.slice(0, {1, drop_, width(), classes})};
}

/// A part of the picture, mirrored where it reaches beyond the edge.
Image TilePass::tile(int top, int left) const {
    Image result(down_.tile, across_.tile, picture_->channels());
    const int within = std::clamp(width() - left, 0, across_.tile);
    const auto channels = static_cast<std::ptrdiff_t>(result.channels);
    for (int row = 0; row < down_.tile; ++row) {
        const std::uint8_t* const from = picture_->row(mirrored(top + row, height()));
        std::copy_n(from + left * channels, within * channels, result.at(row, 0));
        for (int column = within; column < across_.tile; ++column)
            std::copy_n(from + mirrored(left + column, width()) * channels, channels, result.at(row, column));
    }
    return result;
}

void TilePass::add(const float* logits, std::int64_t classes, int left) {
    if (!sums_) sums_ = Tensor::zeros({1, down_.tile, width(), classes}, Dtype::f32, Device::cpu);
    const int columns = std::min(across_.tile, width() - left);
    for (int row = 0; row < down_.tile; ++row) {
        float* to = sums_.data<float>() + (std::int64_t{row} * width() + left) * classes;
        const float* from = logits + std::int64_t{row} * across_.tile * classes;
        for (int column = 0; column < columns; ++column, to += classes, from += classes) {
            const float weight = down_.weight(row) * across_.weight(column);
            for (std::int64_t c = 0; c < classes; ++c) to[c] += weight * from[c];
        }
    }
}

void TilePass::drop_given() {
    if (drop_ == 0) return;
    const std::int64_t row_size = width() * sums_.dim(3), dropped = drop_ * row_size;
    float* const values = sums_.data<float>();
    std::memmove(values, values + dropped, static_cast<std::size_t>(sums_.numel() - dropped) * sizeof(float));
    std::fill_n(values + sums_.numel() - dropped, dropped, 0.0f);
    drop_ = 0;
}

}  // namespace camber
