#pragma once
#include <camber/picture_rows.h>
#include <camber/train.h>

#include <functional>

namespace camber {

/// Rows of a picture as a network judges them.
struct LogitRows {
    int top = 0;    ///< the first one
    Tensor logits;  ///< [1, rows, width, classes] f32 on the CPU, a channel a class
};

/// Judges a picture at its own size, as model.inference says, and gives its rows to `take`, in order from the top: with
/// tiles no more than one row of those is in memory. with_channels() the network's. What is given is valid during the
/// call. Throws Error where the network's output is not finite.
void predict_rows(Model& model, const Image& image, const std::function<void(const LogitRows&)>& take);
/// The same of a picture whose rows are read as they are needed: with tiles no more of them are in memory either than a
/// row of tiles covers, at the smallest of model.inference.scales.
void predict_rows(Model& model, PictureRows& picture, const std::function<void(const LogitRows&)>& take);

/// The class of the largest logit of each pixel of `rows`, the first of several.
void labels_of(const LogitRows& rows, std::uint8_t* labels);

}  // namespace camber
