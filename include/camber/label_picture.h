#pragma once
#include <camber/class_table.h>
#include <camber/image.h>

namespace camber {

/// Paints each id of a label map in its class colour; ids outside the table are white.
Image colour_labels(const Image& label, const ClassTable& classes);
/// `image`, of 1, 3 or 4 channels, with the class colours of `label` (resized to it if it differs) blended over:
/// alpha 0 is the image alone, 1 the colours alone. Void pixels keep the image.
Image overlay_labels(const Image& image, const Image& label, const ClassTable& classes, float alpha = 0.5f);
/// One picture of input | truth | prediction, each the size of `image`, separated by white columns. An empty `truth` is
/// left out; where truth is void the prediction is painted all the same.
Image side_by_side(const Image& image, const Image& truth, const Image& prediction, const ClassTable& classes);

}  // namespace camber
