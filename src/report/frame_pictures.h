#pragma once
#include <camber/class_table.h>
#include <camber/image.h>

#include <nlohmann/json.hpp>

namespace camber::report {

/// A frame as reports show it, {"input", "truth", "prediction", "error"}, each a `data:` URI of at most 320 pixels
/// across: the picture, its label maps in their colours, and the picture in grey with what is wrong in magenta and void
/// darkened. `image` has 1, 3 or 4 channels; `truth` and `prediction` are of one size.
nlohmann::json frame_pictures(const Image& image, const Image& truth, const Image& prediction,
                              const ClassTable& classes);

}  // namespace camber::report
